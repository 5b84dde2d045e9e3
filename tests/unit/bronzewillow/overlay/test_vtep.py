"""What the tunnel endpoint takes, what it drops and why, and where it sends."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest

from bronzewillow.overlay.mtu import EXPIRES
from bronzewillow.overlay.replies import MOVES_AFTER
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.overlay.vtep import Datagrams, TooBig, Vtep
from bronzewillow.testing.datagrams import solicited_node
from bronzewillow.wire import icmpv6, nd
from bronzewillow.wire.arp import REPLY, REQUEST, ArpPacket
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ethernet import MacRule
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.packet import Packet, TcpPacket
from bronzewillow.wire.tcp import Flags, TcpSegment

ip = socket.inet_aton
WORKER, MAC, STRANGER = ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.66")
WORKER_POD, MAC_POD = ip("10.244.1.11"), ip("10.244.7.10")
ACK_PSH = int(Flags.ACK | Flags.PSH)


def spec(encap: Encap = Encap.VXLAN, **changes: object) -> OverlaySpec:
    worker = Peer("worker-1", WORKER, 8472, bytes.fromhex("02aaaaaaaa01"), ((ip("10.244.1.0"), 24),))
    base = OverlaySpec(
        encap, MAC, 8472, 1, ((ip("10.244.7.0"), 24),), bytes.fromhex("02bbbbbbbb02"), 1450, (worker,)
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def mirrored(encap: Encap = Encap.VXLAN) -> OverlaySpec:
    """The same overlay as the worker sees it."""
    us = Peer("mac-1", MAC, 8472, bytes.fromhex("02bbbbbbbb02"), ((ip("10.244.7.0"), 24),))
    return OverlaySpec(
        encap, WORKER, 8472, 1, ((ip("10.244.1.0"), 24),), bytes.fromhex("02aaaaaaaa01"), 1450, (us,)
    )


def echo(source: bytes = WORKER_POD, destination: bytes = MAC_POD, size: int = 40) -> Ipv4Packet:
    return Ipv4Packet(source, destination, 1, bytes(size))


def tcp(payload: bytes, mss: int = 1398, seq: int = 1000) -> TcpPacket:
    return TcpPacket(WORKER_POD, MAC_POD, TcpSegment(40000, 8080, seq, 7, ACK_PSH, 512, payload=payload), mss)


def datagram(packet: Ipv4Packet | TcpPacket, encap: Encap = Encap.VXLAN) -> bytes:
    """What the worker sends for `packet`."""
    return bytes(encap_by(Vtep(mirrored(encap)), packet).buffer)


def encap_by(vtep: Vtep, packet: Packet, now: int = 0) -> Datagrams:
    """What `vtep` sends for `packet`."""
    sent = vtep.encap(packet, now)
    assert isinstance(sent, Datagrams)
    return sent


@pytest.mark.parametrize("encap", list(Encap))
def test_what_one_endpoint_sends_the_other_delivers(encap: Encap) -> None:
    sender, receiver = Vtep(mirrored(encap)), Vtep(spec(encap))
    sent = encap_by(sender, echo())
    assert (sent.peer.address, sent.peer.port, sent.count) == (MAC, 8472, 1)
    receiver.receive(bytes(sent.buffer), 0, WORKER)
    [(peer, packet)] = receiver.flush(0)
    assert peer.name == "worker-1"
    assert packet == echo()
    assert not receiver.all_drops()
    assert (receiver.datagrams_in, receiver.bytes_in) == (1, len(sent.buffer))
    assert (sender.datagrams_out, sender.bytes_out) == (1, len(sent.buffer))


@pytest.mark.parametrize("encap", list(Encap))
def test_a_super_segment_crosses_as_a_train_and_is_one_again(encap: Encap) -> None:
    sent = encap_by(Vtep(mirrored(encap)), tcp(bytes(range(256)) * 200))
    assert sent.count == -(-51200 // 1398)
    receiver = Vtep(spec(encap))
    receiver.receive(bytes(sent.buffer), sent.piece_bytes, WORKER)
    [(_, packet)] = receiver.flush(0)
    assert isinstance(packet, TcpPacket)
    assert packet.segment.payload == bytes(range(256)) * 200
    assert packet.pieces == receiver.datagrams_in == sent.count


@pytest.mark.rfc("6040:4.2")
@pytest.mark.parametrize("encap", list(Encap))
def test_marks_of_the_underlay_reach_the_inner_packets(encap: Encap) -> None:
    receiver = Vtep(spec(encap))
    sent = encap_by(Vtep(mirrored(encap)), replace(tcp(bytes(5000)), tos=0b10))
    receiver.receive_marked(bytes(sent.buffer), sent.piece_bytes, WORKER)
    [(_, packet)] = receiver.flush(0)
    assert isinstance(packet, TcpPacket) and packet.tos == 0b11 and packet.segment.payload == bytes(5000)
    receiver.receive_marked(datagram(echo(), encap), 0, WORKER)
    assert receiver.flush(0) == [] and receiver.drops == {DropReason.CONGESTION: 1}


@pytest.mark.case("case-23")
def test_a_stranger_is_not_heard() -> None:
    vtep = Vtep(spec())
    vtep.receive(datagram(echo()), 0, STRANGER)
    vtep.receive(datagram(tcp(bytes(5000))), 1398 + 62, STRANGER)
    assert vtep.flush(0) == []
    assert vtep.all_drops() == {DropReason.UNKNOWN_OUTER_SOURCE: 5}


@pytest.mark.parametrize("source", ["10.244.2.11", "8.8.8.8", "10.244.7.10", "192.0.2.66"])
@pytest.mark.case("case-23")
def test_a_peer_speaks_only_for_its_own(source: str) -> None:
    other = Peer("worker-2", ip("192.0.2.3"), 8472, b"\x02" + bytes(5), ((ip("10.244.2.0"), 24),))
    vtep = Vtep(spec(peers=(*spec().peers, other)))
    vtep.receive(datagram(echo(source=ip(source))), 0, WORKER)
    assert vtep.flush(0) == []
    assert vtep.all_drops() == {DropReason.SPOOFED_INNER_SOURCE: 1}
    assert vtep.drops_by_peer == {("worker-1", DropReason.SPOOFED_INNER_SOURCE): 1}


def test_every_piece_of_a_forged_train_is_counted() -> None:
    vtep = Vtep(spec())
    train = datagram(replace(tcp(bytes(1398 * 3)), source=ip("203.0.113.9")))
    vtep.receive(train, len(train) // 3, WORKER)
    assert vtep.flush(0) == []
    assert vtep.all_drops() == {DropReason.SPOOFED_INNER_SOURCE: 3}


def test_a_node_may_speak_from_its_underlay_address_and_is_answered_there() -> None:
    vtep = Vtep(spec())
    vtep.receive(datagram(echo(source=WORKER)), 0, WORKER)
    [(peer, _)] = vtep.flush(0)
    assert peer.name == "worker-1"
    back = encap_by(vtep, echo(source=MAC_POD, destination=WORKER))
    assert back.peer.name == "worker-1"


def test_what_is_not_for_us_is_dropped() -> None:
    vtep = Vtep(spec())
    frame = bytearray(datagram(echo()))
    frame[22 + 16 : 22 + 20] = ip("10.245.0.1")
    frame[22 + 10 : 22 + 12] = bytes(2)
    total = sum(struct.unpack("!10H", frame[22:42]))
    total = (total & 0xFFFF) + (total >> 16)
    frame[22 + 10 : 22 + 12] = struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
    vtep.receive(bytes(frame), 0, WORKER)
    assert vtep.flush(0) == []
    assert vtep.all_drops() == {DropReason.UNKNOWN_INNER_DESTINATION: 1}


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (0, 0x00, DropReason.VXLAN_FLAGS),
        (0, 0x88, DropReason.VXLAN_FLAGS),
        (7, 0x01, DropReason.VXLAN_RESERVED),
        (6, 0x02, DropReason.WRONG_VNI),
        (20, 0x86, DropReason.UNSUPPORTED_ETHERTYPE),
        (22, 0x65, DropReason.IP_VERSION),
        (30, 0x01, DropReason.BAD_IP_CHECKSUM),
    ],
)
def test_a_damaged_header_is_counted_by_its_reason(offset: int, value: int, reason: DropReason) -> None:
    vtep = Vtep(spec())
    damaged = bytearray(datagram(echo()))
    damaged[offset] = value
    vtep.receive(bytes(damaged), 0, WORKER)
    assert vtep.flush(0) == []
    assert vtep.all_drops() == {reason: 1}


@pytest.mark.case("case-22")
@pytest.mark.case("report-29")
def test_a_wrong_checksum_is_dropped_and_an_unfinished_one_is_counted_for_its_peer() -> None:
    good = datagram(tcp(b"hello"))
    at = 22 + 20 + 16
    pseudo = sum(struct.unpack("!4H", WORKER_POD + MAC_POD)) + 6 + 25
    unfinished = (pseudo & 0xFFFF) + (pseudo >> 16)
    vtep = Vtep(spec())
    vtep.receive(good[:at] + struct.pack("!H", unfinished) + good[at + 2 :], 0, WORKER)
    assert len(vtep.flush(0)) == 1
    assert vtep.partial_checksums == {"worker-1": 1}
    vtep.receive(good[:at] + struct.pack("!H", unfinished ^ 0x0101) + good[at + 2 :], 0, WORKER)
    assert vtep.flush(0) == []
    assert vtep.all_drops() == {DropReason.BAD_TCP_CHECKSUM: 1}


def test_frames_for_another_mac_are_counted_for_their_peer_or_dropped() -> None:
    other = bytearray(datagram(echo()))
    other[8] ^= 2
    lenient = Vtep(spec(mac_rule=MacRule.NOTE))
    for data in (bytes(other), datagram(echo())):
        lenient.receive(data, 0, WORKER)
    assert len(lenient.flush(0)) == 2
    assert lenient.foreign_macs == {"worker-1": 1}
    strict = Vtep(spec(mac_rule=MacRule.OWN))
    strict.receive(bytes(other), 0, WORKER)
    assert strict.flush(0) == []
    assert strict.all_drops() == {DropReason.FOREIGN_MAC: 1}


def test_a_frame_of_ours_that_comes_back_is_dropped_whatever_the_rule() -> None:
    """By its MAC, where MACs are looked at strictly; else by the address inside, which is ours."""
    sent = encap_by(Vtep(spec()), echo(source=MAC_POD, destination=WORKER_POD))
    expected = {MacRule.OWN: DropReason.LOOPED_FRAME}
    for rule in MacRule:
        vtep = Vtep(spec(mac_rule=rule))
        vtep.receive(bytes(sent.buffer), 0, WORKER)
        assert vtep.flush(0) == []
        assert vtep.all_drops() == {expected.get(rule, DropReason.SPOOFED_INNER_SOURCE): 1}


def test_two_nodes_on_one_address_have_their_own_ports() -> None:
    first = replace(spec().peers[0], port=8473)
    second = Peer("worker-2", WORKER, 8474, b"\x02" + bytes(5), ((ip("10.244.2.0"), 24),))
    vtep = Vtep(spec(peers=(first, second)))
    for destination, port in (("10.244.1.5", 8473), ("10.244.2.5", 8474)):
        sent = encap_by(vtep, echo(source=MAC_POD, destination=ip(destination)))
        assert sent.peer.port == port
        vtep.receive(datagram(echo(source=ip(destination))), 0, WORKER)
    assert [peer.name for peer, _ in vtep.flush(0)] == ["worker-1", "worker-2"]


@pytest.mark.case("case-20")
def test_no_route_and_oversize_are_counted() -> None:
    vtep = Vtep(spec())
    assert vtep.encap(echo(source=MAC_POD, destination=ip("10.250.0.1")), 0) is None
    assert vtep.encap(echo(source=MAC_POD, destination=WORKER_POD, size=1431), 0) == TooBig(1450)
    for size in (4000, 65_530):  # an uncut segment, and one that no IPv4 packet can hold
        uncut = replace(tcp(bytes(size), mss=0), source=MAC_POD, destination=WORKER_POD)
        assert vtep.encap(uncut, 0) == (TooBig(1450) if size == 4000 else None)
    assert vtep.all_drops() == {DropReason.NO_ROUTE: 1, DropReason.OVERSIZE: 3}
    assert vtep.datagrams_out == 0
    assert encap_by(vtep, echo(source=MAC_POD, destination=WORKER_POD, size=1430))


def test_update_replaces_peers_and_keeps_counters() -> None:
    vtep = Vtep(spec())
    vtep.receive(datagram(echo()), 0, STRANGER)
    newcomer = Peer("worker-9", STRANGER, 8472, b"\x02" + bytes(5), ((ip("10.244.1.0"), 24),))
    vtep.update(spec(peers=(newcomer,)))
    vtep.receive(datagram(echo()), 0, WORKER)
    vtep.receive(datagram(echo()), 0, STRANGER)
    assert [peer.name for peer, _ in vtep.flush(0)] == ["worker-9"]
    assert vtep.all_drops() == {DropReason.UNKNOWN_OUTER_SOURCE: 2}


def test_arp_comes_in_and_goes_out() -> None:
    worker, vtep = Vtep(mirrored()), Vtep(spec())
    asked = ArpPacket(REQUEST, b"\x02" + bytes(5), WORKER_POD, bytes(6), MAC_POD)
    sent = worker.encap_neighbour(worker.spec.peers[0], asked)
    assert sent is not None
    vtep.receive(bytes(sent.buffer), 0, WORKER)
    [(peer, packet)] = vtep.flush(0)
    assert packet == asked
    reply = ArpPacket(REPLY, vtep.spec.mac, MAC_POD, asked.sha, asked.spa)
    answered = vtep.encap_neighbour(peer, reply)
    assert answered is not None
    worker.receive(bytes(answered.buffer), 0, MAC)
    assert [packet for _, packet in worker.flush(0)] == [reply]
    vtep.update(spec(peers=()))
    assert vtep.encap_neighbour(peer, reply) is None


def test_of_any_vni_each_is_taken() -> None:
    damaged = bytearray(datagram(echo()))
    damaged[6] = 0x77
    vtep = Vtep(spec(any_vni=True))
    vtep.receive(bytes(damaged), 0, WORKER)
    assert len(vtep.flush(0)) == 1


def test_a_source_may_have_a_vni_of_its_own() -> None:
    vtep = Vtep(spec(source_vnis=((MAC_POD, 48_861),)))
    for source, vni in ((MAC_POD, 48_861), (ip("10.244.7.11"), 1), (MAC_POD, 48_861)):
        sent = encap_by(vtep, echo(source=source, destination=WORKER_POD))
        assert int.from_bytes(sent.buffer[4:7], "big") == vni


def test_several_prefixes_are_ours() -> None:
    vtep = Vtep(spec(pod_cidrs=((ip("10.250.0.0"), 26), (ip("10.244.7.0"), 24))))
    vtep.receive(datagram(echo()), 0, WORKER)
    assert len(vtep.flush(0)) == 1
    assert vtep.spec.owns(ip("10.250.0.63"))
    assert not vtep.spec.owns(ip("10.250.0.64"))


# ---- IPv6, within and without


def ip6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


WORKER_V6, MAC_V6 = ip6("2001:db8::1"), ip6("2001:db8::2")
WORKER_POD_V6, MAC_POD_V6 = ip6("fd00:1::b"), ip6("fd00:7::a")


def dual(*, inner: tuple[int, ...] = (4, 6), outer: int = 4) -> tuple[Vtep, Vtep]:
    """The worker's endpoint and ours, over one underlay family, with pods of the `inner` families."""
    pods = {
        4: ((ip("10.244.1.0"), 24), (ip("10.244.7.0"), 24)),
        6: ((ip6("fd00:1::"), 64), (ip6("fd00:7::"), 64)),
    }
    theirs, ours = (tuple(pods[family][end] for family in inner) for end in (0, 1))
    worker, mac = (WORKER, MAC) if outer == 4 else (WORKER_V6, MAC_V6)
    their_mac, our_mac = bytes.fromhex("02aaaaaaaa01"), bytes.fromhex("02bbbbbbbb02")
    us, them = Peer("mac-1", mac, 8472, our_mac, ours), Peer("worker-1", worker, 8472, their_mac, theirs)
    return (
        Vtep(OverlaySpec(Encap.VXLAN, worker, 8472, 1, theirs, their_mac, 1450, (us,))),
        Vtep(OverlaySpec(Encap.VXLAN, mac, 8472, 1, ours, our_mac, 1450, (them,))),
    )


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("inner", [4, 6])
def test_either_family_crosses_either_underlay(inner: int, outer: int) -> None:
    worker, us = dual(outer=outer)
    source, destination = (WORKER_POD, MAC_POD) if inner == 4 else (WORKER_POD_V6, MAC_POD_V6)
    text = replace(tcp(bytes(5000)), source=source, destination=destination, mss=1300)
    sent = encap_by(worker, text)
    assert sent.count == 4
    assert bytes(sent.buffer[20:22]) == (b"\x08\x00" if inner == 4 else b"\x86\xdd")
    us.receive(bytes(sent.buffer), sent.piece_bytes, worker.spec.address)
    [(peer, packet)] = us.flush(0)
    assert peer.address == worker.spec.address
    assert packet == replace(text, mss=0, pieces=4)


def test_a_packet_for_a_family_that_no_peer_has() -> None:
    worker, _ = dual(inner=(4,))
    assert worker.encap(Ipv6Packet(WORKER_POD_V6, MAC_POD_V6, 17, b""), 0) is None
    assert worker.drops == {DropReason.NO_ROUTE: 1}


def test_a_peer_speaks_only_for_its_own_of_either_family() -> None:
    worker, us = dual()
    for source in ("2600:2::b", "fe80::1", "::1", "2001:db8::1"):
        sent = encap_by(worker, Ipv6Packet(ip6(source), MAC_POD_V6, 17, b"text"))
        us.receive(bytes(sent.buffer), 0, WORKER)
    assert us.flush(0) == []
    assert us.all_drops() == {DropReason.SPOOFED_INNER_SOURCE: 4}


def solicitation(target: bytes, source: str = "fe80::1", hop_limit: int = 255) -> Ipv6Packet:
    destination = solicited_node(target)
    payload = icmpv6.emit_icmpv6(nd.NeighborSolicitation(target), ip6(source), destination)
    return Ipv6Packet(ip6(source), destination, icmpv6.PROTOCOL, payload, hop_limit)


def test_questions_for_neighbours_come_in_and_answers_go_out() -> None:
    worker, us = dual()
    to_us = worker.spec.peers[0]
    for source in ("fe80::1", "fd00:1::"):
        asked = solicitation(MAC_POD_V6, source)
        sent = worker.encap_neighbour(to_us, asked)
        assert sent is not None
        us.receive(bytes(sent.buffer), 0, WORKER)
        assert [(peer.name, packet) for peer, packet in us.flush(0)] == [("worker-1", asked)]
    answer = Ipv6Packet(MAC_POD_V6, ip6("fe80::1"), icmpv6.PROTOCOL, b"advertised", 255)
    back = us.encap_neighbour(us.spec.peers[0], answer)
    assert back is not None and back.peer.name == "worker-1"


def test_what_kernels_say_to_everybody_is_no_forgery() -> None:
    worker, us = dual()
    to_us = worker.spec.peers[0]
    for noise in (
        Ipv6Packet(ip6("fe80::1"), ip6("ff02::2"), 58, b"\x85" + bytes(15), 255),
        solicitation(ip6("fd00:1::b")),
        solicitation(MAC_POD_V6, hop_limit=64),
    ):
        sent = worker.encap_neighbour(to_us, noise)
        assert sent is not None
        us.receive(bytes(sent.buffer), 0, WORKER)
    assert us.flush(0) == []
    assert us.all_drops() == {DropReason.UNKNOWN_INNER_DESTINATION: 3}


# ---- hosts that no prefix tells of


@pytest.mark.parametrize("host", ["10.9.9.9", "172.31.0.1", "192.168.1.1", "100.64.0.9"])
def test_a_host_that_no_prefix_tells_of_is_answered_through_its_node(host: str) -> None:
    other = Peer("worker-2", ip("192.0.2.3"), 8472, b"\x02" + bytes(5), ((ip("10.244.2.0"), 24),))
    vtep = Vtep(spec(peers=(*spec().peers, other)))
    answer = echo(source=MAC_POD, destination=ip(host))
    assert vtep.encap(answer, 0) is None
    vtep.receive(datagram(echo(source=ip(host))), 0, WORKER)
    [(peer, packet)] = vtep.flush(0)
    assert (peer.name, packet.source) == ("worker-1", ip(host))  # type: ignore[union-attr]
    assert encap_by(vtep, answer, 1).peer.name == "worker-1"
    assert not vtep.has_route(ip(host))  # whoever dials it first takes the host's own sockets
    vtep.update(spec(peers=(other,)))
    assert vtep.encap(answer, 2) is None


def test_a_host_does_not_move_to_another_node_while_it_speaks() -> None:
    other = Peer("worker-2", ip("192.0.2.3"), 8472, b"\x02" + bytes(5), ((ip("10.244.2.0"), 24),))
    vtep = Vtep(spec(peers=(*spec().peers, other)))
    host = ip("192.168.1.1")
    for outer, now in ((WORKER, 0), (other.address, MOVES_AFTER - 1)):
        vtep.receive(datagram(echo(source=host)), 0, outer)
        vtep.flush(now)
    assert vtep.all_drops() == {DropReason.SPOOFED_INNER_SOURCE: 1}
    vtep.receive(datagram(echo(source=host)), 0, other.address)
    assert [peer.name for peer, _ in vtep.flush(MOVES_AFTER)] == ["worker-2"]


# ---- path MTU


def test_a_path_that_takes_less_makes_packets_too_big_for_ten_minutes() -> None:
    vtep = Vtep(spec())
    full = echo(source=MAC_POD, destination=WORKER_POD, size=1430)
    vtep.on_refused(STRANGER, 700, 0)
    assert encap_by(vtep, full).piece_bytes == 1450 + 22
    vtep.on_refused(WORKER, 1400, 0)
    assert vtep.encap(full, 1) == TooBig(1350)
    assert not encap_by(vtep, echo(source=MAC_POD, destination=WORKER_POD, size=1330)).fragmented
    assert not encap_by(vtep, full, EXPIRES).fragmented


@pytest.mark.parametrize(("family", "least"), [(4, 576), (6, 1280)])
def test_what_every_host_can_take_goes_in_outer_fragments(family: int, least: int) -> None:
    _, us = dual()
    headers = 20 if family == 4 else 40
    ends = (MAC_POD, WORKER_POD) if family == 4 else (MAC_POD_V6, WORKER_POD_V6)
    kind = Ipv4Packet if family == 4 else Ipv6Packet
    us.on_refused(WORKER, least + 49, 0)
    assert encap_by(us, kind(*ends, 17, bytes(least - headers)), 1).fragmented
    assert not encap_by(us, kind(*ends, 17, bytes(least - headers - 1)), 1).fragmented
    assert us.encap(kind(*ends, 17, bytes(least - headers + 1)), 1) == TooBig(least)
