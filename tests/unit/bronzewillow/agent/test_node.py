"""A node against a peer that is made of single datagrams on a real socket."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from bronzewillow.agent.addresses import address_text, pack_address
from bronzewillow.agent.node import Node
from bronzewillow.overlay.spec import OverlaySpec
from bronzewillow.stack import Accepted, Closed, Connected, DataReceived, Event, Reset
from bronzewillow.testing.aio import run
from bronzewillow.testing.datagrams import pieces_of, random_trains, solicited_node
from bronzewillow.testing.loopback import until, until_still
from bronzewillow.testing.overlay import LOOPBACK_V6, OTHER_POD, POD, POD_V6, node_spec
from bronzewillow.testing.ports import free_udp_port
from bronzewillow.wire import icmpv6
from bronzewillow.wire.arp import ETHERTYPE as ARP
from bronzewillow.wire.arp import REQUEST, ArpPacket, emit_arp, parse_arp
from bronzewillow.wire.encap import Encap, decap, encap_frame
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet, parse_ethernet
from bronzewillow.wire.icmp import (
    FRAGMENTATION_NEEDED,
    HOST_UNREACHABLE,
    DestinationUnreachable,
    EchoReply,
    EchoRequest,
    emit_icmp,
    parse_icmp,
)
from bronzewillow.wire.ipv4 import ETHERTYPE as IPV4
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4, parse_ipv4
from bronzewillow.wire.ipv6 import ETHERTYPE as IPV6
from bronzewillow.wire.ipv6 import Ipv6Packet, emit_ipv6, parse_ipv6
from bronzewillow.wire.nd import HOP_LIMIT, NeighborAdvertisement, NeighborSolicitation
from bronzewillow.wire.packet import Packet
from bronzewillow.wire.tcp import Flags

pytestmark = pytest.mark.loopback

ip = socket.inet_aton
CLIENT = ip("10.244.8.5")
NODE = ip("10.244.7.1")
PEER_MAC = bytes((2, 0, 0, 0, 0, 8))
NODE_MAC = bytes((2, 0, 0, 0, 0, 7))


@dataclass
class PeerSocket:
    """The other node: every frame that it sends or gets is looked at."""

    socket: socket.socket
    encap: Encap
    to: tuple[str, int]

    def send_frame(self, ethertype: int, payload: bytes, vni: int = 1) -> None:
        frame = emit_ethernet(EthernetFrame(NODE_MAC, PEER_MAC, ethertype, payload))
        self.socket.sendto(encap_frame(self.encap, vni, frame), self.to)

    def send(self, packet: Ipv4Packet) -> None:
        self.send_frame(IPV4, emit_ipv4(packet))

    async def frame(self) -> EthernetFrame:
        data = await asyncio.get_running_loop().sock_recv(self.socket, 65_535)
        vni, inner = decap(self.encap, data)
        assert vni == 1
        frame = parse_ethernet(inner)
        assert (frame.destination, frame.source) == (PEER_MAC, NODE_MAC)
        return frame

    async def packet(self) -> Ipv4Packet:
        return parse_ipv4((await self.frame()).payload)


@dataclass
class Rig:
    node: Node
    peer: PeerSocket
    events: list[Event]

    def drops(self, reason: DropReason) -> int:
        return self.node.underlays[0].vtep.all_drops()[reason]


@asynccontextmanager
async def rig(encap: Encap = Encap.VXLAN) -> AsyncIterator[Rig]:
    """Node 7 with a pod, and a socket where its peer, node 8, should be."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        port = free_udp_port()
        events: list[Event] = []
        node = Node((node_spec(7, port, peer.getsockname()[1], encap),), events.append)
        node.add_stack(ip(POD))
        try:
            yield Rig(node, PeerSocket(peer, encap, ("127.0.0.1", port)), events)
        finally:
            node.close()


def echo(destination: str, payload: bytes = b"bronze") -> Ipv4Packet:
    return Ipv4Packet(CLIENT, ip(destination), 1, emit_icmp(EchoRequest(7, 1, payload)))


@pytest.mark.parametrize("encap", list(Encap))
@pytest.mark.parametrize("address", [POD, "10.244.7.1"])
def test_pods_and_the_node_answer_ping(encap: Encap, address: str) -> None:
    async def main() -> Ipv4Packet:
        async with rig(encap) as r:
            r.peer.send(echo(address))
            return await r.peer.packet()

    reply = run(main())
    assert (reply.source, reply.destination) == (ip(address), CLIENT)
    assert parse_icmp(reply.payload) == EchoReply(7, 1, b"bronze")


def test_arp_is_answered_for_addresses_that_live() -> None:
    async def main() -> ArpPacket:
        async with rig() as r:
            for target in ("10.244.7.99", POD):
                request = ArpPacket(REQUEST, PEER_MAC, CLIENT, bytes(6), ip(target))
                r.peer.send_frame(ARP, emit_arp(request))
            frame = await r.peer.frame()
            assert frame.ethertype == ARP
            return parse_arp(frame.payload)

    reply = run(main())
    assert (reply.sha, reply.spa, reply.tha, reply.tpa) == (NODE_MAC, ip(POD), PEER_MAC, CLIENT)


def test_an_address_without_a_pod_is_unreachable_at_a_limited_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> int:
        async with rig() as r:
            second = r.node.clock.now()
            monkeypatch.setattr(r.node.clock, "now", lambda: second)  # the same one, however long it takes
            r.peer.send(echo("10.244.7.99"))
            error = await r.peer.packet()
            assert error.source == NODE
            message = parse_icmp(error.payload)
            assert isinstance(message, DestinationUnreachable)
            assert message.code == HOST_UNREACHABLE
            for _ in range(500):
                r.peer.send(echo("10.244.7.99"))
                await asyncio.sleep(0)
            await until_still(lambda: r.node.underlays[0].vtep.datagrams_in)
            assert r.drops(DropReason.UNKNOWN_INNER_DESTINATION) == r.node.underlays[0].vtep.datagrams_in
            return r.node.underlays[0].vtep.datagrams_out

    assert run(main()) == 100


def test_a_packet_above_our_mtu_that_may_not_be_cut_is_too_big() -> None:
    async def main() -> None:
        async with rig() as r:
            r.peer.send(echo(POD, bytes(1450 - 28 + 1)))
            error = await r.peer.packet()
            message = parse_icmp(error.payload)
            assert isinstance(message, DestinationUnreachable)
            assert (error.source, message.code, message.next_hop_mtu) == (NODE, FRAGMENTATION_NEEDED, 1450)
            assert r.drops(DropReason.OVERSIZE) == 1
            r.peer.send(replace(echo(POD, bytes(3000)), dont_fragment=False))
            assert (await r.peer.packet()).more_fragments

    run(main())


def test_what_is_sent_to_another_node_by_a_host_is_answered_through_its_own() -> None:
    async def main() -> None:
        async with rig() as r:
            host = ip("10.9.9.9")
            r.peer.send(replace(echo(POD), source=host))
            reply = await r.peer.packet()
            assert (reply.destination, parse_icmp(reply.payload)) == (host, EchoReply(7, 1, b"bronze"))

    run(main())


def test_a_stranger_gets_no_answer() -> None:
    async def main() -> None:
        async with rig() as r:
            known = r.node.underlays[0].vtep.spec
            r.node.update([replace(known, peers=())])
            r.peer.send(echo(POD))
            await until(lambda: r.node.underlays[0].vtep.datagrams_in == 1)
            assert r.drops(DropReason.UNKNOWN_OUTER_SOURCE) == 1
            assert r.node.underlays[0].vtep.datagrams_out == 0
            r.node.update([known])
            r.peer.send(echo(POD))
            assert parse_icmp((await r.peer.packet()).payload) == EchoReply(7, 1, b"bronze")

    run(main())


def test_pods_of_one_node_talk_without_the_network() -> None:
    async def main() -> None:
        async with rig() as r:
            other = r.node.add_stack(ip(OTHER_POD))
            r.node.stacks[ip(POD)].listen(80)
            connection = other.connect(ip(POD), 80, r.node.clock.now())
            r.node.touch(other)
            await until(lambda: any(isinstance(event, Accepted) for event in r.events))
            connection.send(b"hello", r.node.clock.now())
            r.node.touch(other)
            await until(lambda: any(isinstance(event, DataReceived) for event in r.events))
            assert {type(event) for event in r.events} == {Connected, Accepted, DataReceived}
            assert r.node.underlays[0].vtep.datagrams_out == 0

            stranger = other.connect(ip("10.244.7.77"), 80, r.node.clock.now())
            r.node.touch(other)
            await until(lambda: r.drops(DropReason.NO_ROUTE) == 1)
            stranger.abort(r.node.clock.now())

    run(main())


@pytest.mark.case("report-17")
def test_a_pod_that_ends_resets_its_connections_and_falls_silent() -> None:
    async def main() -> None:
        async with rig() as r:
            other = r.node.add_stack(ip(OTHER_POD))
            r.node.stacks[ip(POD)].listen(80)
            other.connect(ip(POD), 80, r.node.clock.now())
            r.node.touch(other)
            await until(lambda: any(isinstance(event, Accepted) for event in r.events))
            r.node.remove_stack(ip(POD))
            await until(lambda: any(isinstance(event, Reset) for event in r.events))
            assert sum(isinstance(event, Closed) for event in r.events) == 2
            assert not other.connections()
            r.peer.send(echo(POD))
            assert isinstance(parse_icmp((await r.peer.packet()).payload), DestinationUnreachable)

    run(main())


def test_an_event_that_is_not_taken_is_told_and_holds_up_no_other() -> None:
    async def main() -> list[str]:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(str(said["message"])))
        async with rig() as r:

            def take(event: Event) -> None:
                r.events.append(event)
                if isinstance(event, Accepted):
                    raise ValueError("broken")

            r.node._on_event = take
            other = r.node.add_stack(ip(OTHER_POD))
            r.node.stacks[ip(POD)].listen(80)
            connection = other.connect(ip(POD), 80, r.node.clock.now())
            r.node.touch(other)
            await until(lambda: any(isinstance(event, Accepted) for event in r.events))
            connection.send(b"more", r.node.clock.now())
            r.node.touch(other)
            await until(lambda: any(isinstance(event, DataReceived) for event in r.events))
        return told

    assert run(main()) == ["Accepted of a connection was not taken"]


def test_unanswered_segments_are_sent_again_by_the_timer() -> None:
    async def main() -> None:
        async with rig() as r:
            stack = r.node.stacks[ip(POD)]
            stack.connect(CLIENT, 80, r.node.clock.now())
            r.node.touch(stack)
            for _ in range(2):  # the second after the initial RTO, one second (RFC 6298 2.1)
                packet = await r.peer.packet()
                assert packet.payload[13] == Flags.SYN
            assert r.node.stacks[ip(POD)].counters.retransmitted_segments >= 1

    run(main())


def test_taps_see_both_directions_with_their_ports() -> None:
    async def main() -> None:
        async with rig() as r:
            seen: list[tuple[tuple[bytes, int], tuple[bytes, int]]] = []
            r.node.taps.append(lambda train, piece, source, to: seen.append((source, to)))
            r.peer.send(echo(POD))
            await r.peer.packet()
            ours = (ip("127.0.0.1"), r.peer.to[1])
            theirs = (ip("127.0.0.1"), r.peer.socket.getsockname()[1])
            assert seen == [(theirs, ours), (ours, theirs)]

    run(main())


@pytest.mark.parametrize("encap", list(Encap))
@pytest.mark.case("case-23")
def test_random_and_damaged_datagrams_never_raise_and_are_all_counted(encap: Encap) -> None:
    async def main() -> None:
        async with rig(encap) as r:
            underlay = r.node.underlays[0]
            r.node.update([known_to_trains(underlay.vtep.spec)])
            pod = r.node.stacks[ip(POD)]
            pod.listen(8080)
            delivered = 0
            receive = pod.receive

            def counting(packets: list[Packet], now: int) -> None:
                nonlocal delivered
                delivered += pieces_of(packets)
                receive(packets, now)

            pod.receive = counting  # type: ignore[method-assign, assignment]
            rng = random.Random(20)
            sources = {"peer": ip("127.0.0.1"), "other": ip("192.0.2.66")}
            count = 0
            for train in random_trains(rng, 10_000, encap):
                underlay.on_train(train.data, train.piece_bytes, (sources[str(train.origin)], 40_000))
                count += -(-len(train.data) // train.piece_bytes) if train.piece_bytes else 1
                if rng.randrange(4) == 0:
                    r.node._on_drained(underlay)
            r.node._on_drained(underlay)
            assert r.node.underlays[0].vtep.datagrams_in == count >= 10_000
            outbound = (DropReason.NO_ROUTE, DropReason.OVERSIZE)
            dropped = sum(
                n for reason, n in r.node.underlays[0].vtep.all_drops().items() if reason not in outbound
            )
            arps = count - dropped - delivered
            assert 0 <= arps < count / 10
            assert dropped > count / 20
            assert delivered > count / 20

    def known_to_trains(spec: OverlaySpec) -> OverlaySpec:
        """The trains come from 10.244.1.2, and go to the pod."""
        peer = replace(spec.peers[0], prefixes=((ip("10.244.1.0"), 24),))
        return replace(spec, peers=(peer,))

    run(main())


# ---- IPv6

CLIENT_V6 = pack_address("fd00:8::5")
NODE_V6 = pack_address("fd00:7::1")


@asynccontextmanager
async def rig_v6() -> AsyncIterator[Rig]:
    """As `rig`, over ::1 and with pods of both families."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        peer.bind(("::1", 0))
        peer.setblocking(False)
        port = free_udp_port("::1")
        events: list[Event] = []
        spec = node_spec(7, port, peer.getsockname()[1], underlay=LOOPBACK_V6)
        node = Node((spec,), events.append)
        node.add_stack(pack_address(POD_V6))
        try:
            yield Rig(node, PeerSocket(peer, Encap.VXLAN, ("::1", port)), events)
        finally:
            node.close()


def to_us(
    destination: str, message: icmpv6.Icmpv6Message, source: bytes = CLIENT_V6, hop_limit: int = 64
) -> bytes:
    packed = pack_address(destination)
    payload = icmpv6.emit_icmpv6(message, source, packed)
    return emit_ipv6(Ipv6Packet(source, packed, icmpv6.PROTOCOL, payload, hop_limit))


async def read_v6(r: Rig) -> tuple[Ipv6Packet, icmpv6.Icmpv6Message]:
    packet = parse_ipv6((await r.peer.frame()).payload)
    return packet, icmpv6.parse_icmpv6(packet.payload, packet.source, packet.destination)


@pytest.mark.ipv6
@pytest.mark.parametrize("address", [POD_V6, "fd00:7::1"])
def test_pods_and_the_node_answer_ping_over_ipv6(address: str) -> None:
    async def main() -> None:
        async with rig_v6() as r:
            r.peer.send_frame(IPV6, to_us(address, EchoRequest(7, 1, b"bronze")))
            packet, message = await read_v6(r)
            assert (packet.source, packet.destination) == (pack_address(address), CLIENT_V6)
            assert message == EchoReply(7, 1, b"bronze")

    run(main())


@pytest.mark.ipv6
def test_solicitations_are_answered_for_addresses_that_live() -> None:
    async def main() -> None:
        async with rig_v6() as r:
            asker = pack_address("fe80::8")
            for target in ("fd00:7::99", POD_V6):
                asking = NeighborSolicitation(pack_address(target), PEER_MAC)
                group = address_text(solicited_node(pack_address(target)))
                r.peer.send_frame(IPV6, to_us(group, asking, asker, HOP_LIMIT))
            packet, message = await read_v6(r)
            assert (packet.destination, packet.hop_limit) == (asker, HOP_LIMIT)
            assert message == NeighborAdvertisement(
                pack_address(POD_V6), NODE_MAC, solicited=True, override=True
            )
            damaged = bytearray(
                to_us(POD_V6, NeighborSolicitation(pack_address(POD_V6)), hop_limit=HOP_LIMIT)
            )
            damaged[43] ^= 1
            r.peer.send_frame(IPV6, bytes(damaged))
            await until(lambda: r.drops(DropReason.BAD_ICMP_CHECKSUM) == 1)

    run(main())


@pytest.mark.ipv6
def test_an_address_of_ipv6_without_a_pod_is_unreachable() -> None:
    async def main() -> None:
        async with rig_v6() as r:
            r.peer.send_frame(IPV6, to_us("fd00:7::99", EchoRequest(7, 1, b"bronze")))
            packet, message = await read_v6(r)
            assert packet.source == NODE_V6
            assert isinstance(message, DestinationUnreachable)
            assert message.code == icmpv6.ADDRESS_UNREACHABLE

    run(main())


@pytest.mark.ipv6
def test_a_packet_of_ipv6_above_our_mtu_is_too_big() -> None:
    async def main() -> None:
        async with rig_v6() as r:
            r.peer.send_frame(IPV6, to_us(POD_V6, EchoRequest(7, 1, bytes(1430 - 48 + 1))))
            packet, message = await read_v6(r)
            assert isinstance(message, icmpv6.PacketTooBig)
            assert (packet.source, message.mtu) == (NODE_V6, 1430)

    run(main())


@pytest.mark.ipv6
def test_both_families_share_an_endpoint() -> None:
    async def main() -> None:
        async with rig_v6() as r:
            r.peer.send(echo("10.244.7.1"))
            assert parse_icmp((await r.peer.packet()).payload) == EchoReply(7, 1, b"bronze")
            assert r.node.addresses == (NODE, NODE_V6)
            assert r.node.address_for(CLIENT) == NODE and r.node.address_for(CLIENT_V6) == NODE_V6

    run(main())
