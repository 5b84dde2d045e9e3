"""Servers and connections on pod addresses, from node to node over the overlay."""

from __future__ import annotations

import asyncio
import errno
import random
import socket

import pytest

from bronzewillow.agent import underlay as underlay_module
from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.datagram import Rung
from bronzewillow.agent.net import Net
from bronzewillow.host.tasks import spawn
from bronzewillow.policy.enforcer import Outcome
from bronzewillow.policy.rules import Allow, Direction, NodeRules, PodRules
from bronzewillow.stack import LocalError, TcpConfig
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until, until_still
from bronzewillow.testing.overlay import (
    LOOPBACK_V6,
    OTHER_POD,
    POD,
    POD_V6,
    TwoNodes,
    node_spec,
    two_nodes,
    two_nodes_of_two_underlays,
)
from bronzewillow.testing.ports import free_udp_port

pytestmark = pytest.mark.loopback


class Echo(asyncio.Protocol):
    """Answers with what it got, until the peer's FIN."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def ask(net: Net, payload: bytes, address: str = POD, source: str | None = None) -> bytes:
    """Send and half-close; everything that comes back."""
    reader = asyncio.StreamReader()
    transport, _ = await net.create_connection(
        lambda: asyncio.StreamReaderProtocol(reader), address, 80, source=source
    )
    transport.write(payload)
    transport.write_eof()
    answer = await reader.read()
    transport.close()
    return answer


async def until_idle(nodes: TwoNodes) -> None:
    await until(lambda: not nodes.server.open_connections and not nodes.client.open_connections)


def test_an_answer_comes_back() -> None:
    async def main() -> bytes:
        async with two_nodes() as nodes:
            await nodes.server.create_server(Echo, POD, 80)
            return await ask(nodes.client, b"bronze")

    assert run(main()) == b"bronze"


def test_the_writes_of_one_turn_leave_as_one_segment() -> None:
    async def main() -> tuple[int, int]:
        async with two_nodes() as nodes:
            await nodes.server.create_server(asyncio.Protocol, POD, 80)
            transport, _ = await nodes.client.create_connection(asyncio.Protocol, POD, 80)
            near, far = (one.node.underlays[0].vtep for one in (nodes.client, nodes.server))
            counters = nodes.client.node.stacks[nodes.client.node.addresses[0]].counters

            def sent_first() -> int:  # a machine that pauses may make a probe of the tail
                return near.datagrams_out - counters.retransmitted_segments

            await until_still(sent_first)
            before = sent_first()
            for _ in range(20):
                transport.write(b"token ")
            await until_still(sent_first)
            return sent_first() - before, far.drops.total()

    assert run(main()) == (1, 0)


def test_two_hundred_at_once() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            await nodes.server.create_server(Echo, POD, 80)
            payloads = [bytes([number]) * 5000 for number in range(200)]
            answers = await asyncio.gather(*(ask(nodes.client, payload) for payload in payloads))
            assert answers == payloads
            await until_idle(nodes)

    run(main())


@pytest.mark.case("case-15")
@pytest.mark.case("report-16")
def test_two_thousand_in_turn_leave_nothing_behind() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            await nodes.server.create_server(Echo, POD, 80)
            tasks = len(asyncio.all_tasks())
            for _ in range(2000):
                assert await ask(nodes.client, b"x") == b"x"
            await until_idle(nodes)
            assert len(asyncio.all_tasks()) == tasks
            assert not nodes.client._connecting
            # the server closes last and remembers nothing; TIME-WAIT is with whoever closed first
            assert not nodes.server.node.stacks[socket.inet_aton(POD)].connections()

    run(main())


def test_nobody_listens() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            with pytest.raises(ConnectionRefusedError):
                await nodes.client.create_connection(asyncio.Protocol, POD, 81)
            assert not nodes.client.open_connections
            assert not nodes.client._connecting

    run(main())


def test_a_dial_without_room_fails_as_a_sockets_does() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            nodes.client.node.take_tcp(TcpConfig(max_connections=0))
            with pytest.raises(OSError, match="too many connections"):
                await nodes.client.create_connection(asyncio.Protocol, POD, 80)
            assert not nodes.client._connecting

    run(main())


def test_a_dial_that_is_given_up_leaves_nothing() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            nodes.server.node.underlays[0].socket.close()  # the other node is silent
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await nodes.client.create_connection(asyncio.Protocol, POD, 80)
            await until_still(lambda: nodes.client.node.underlays[0].vtep.datagrams_out)
            assert not nodes.client.open_connections
            assert not nodes.client._connecting
            assert not nodes.client.node.stacks[nodes.client.node.addresses[0]].connections()

    run(main())


def test_a_port_is_taken_until_its_server_is_closed() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            server = await nodes.server.create_server(Echo, POD, 80)
            with pytest.raises(LocalError, match="80"):
                await nodes.server.create_server(Echo, POD, 80)
            await nodes.server.create_server(Echo, OTHER_POD, 80)
            transport, _ = await nodes.client.create_connection(asyncio.Protocol, POD, 80)
            await until(lambda: nodes.server.open_connections == 1)
            server.close()
            server.close()
            with pytest.raises(ConnectionRefusedError):
                await ask(nodes.client, b"late")
            assert not transport.is_closing()
            await nodes.server.create_server(Echo, POD, 80)
            assert await ask(nodes.client, b"again") == b"again"

    run(main())


def test_pods_of_one_node_reach_each_other() -> None:
    async def main() -> tuple[bytes, int]:
        async with two_nodes() as nodes:
            await nodes.server.create_server(Echo, POD, 80)
            answer = await ask(nodes.server, b"near" * 50_000, source=OTHER_POD)
            return answer, nodes.server.node.underlays[0].vtep.datagrams_out

    assert run(main()) == (b"near" * 50_000, 0)


def test_a_pod_that_ends_resets_its_clients() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            await nodes.server.create_server(Echo, POD, 80)
            reader = asyncio.StreamReader()
            await nodes.client.create_connection(lambda: asyncio.StreamReaderProtocol(reader), POD, 80)
            await until(lambda: nodes.server.open_connections == 1)
            nodes.server.node.remove_stack(socket.inet_aton(POD))
            with pytest.raises(ConnectionResetError):
                await reader.read()
            await until_idle(nodes)

    run(main())


def test_drain_waits_then_resets() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            await nodes.server.create_server(Echo, POD, 80)
            await nodes.server.drain(0)  # nothing to wait for
            asking = asyncio.ensure_future(ask(nodes.client, b"last"))  # noqa: TID251
            await until(lambda: nodes.server.open_connections == 1)
            await nodes.server.drain(60)  # lets it end in order
            assert await asking == b"last"

            reader = asyncio.StreamReader()
            await nodes.client.create_connection(lambda: asyncio.StreamReaderProtocol(reader), POD, 80)
            await until(lambda: nodes.server.open_connections == 1)
            await nodes.server.drain(0.01)
            with pytest.raises(ConnectionResetError):
                await reader.read()

    run(main())


def test_an_address_that_is_not_ours_cannot_be_bound() -> None:
    async def main() -> None:
        spec = node_spec(7, free_udp_port(), free_udp_port())
        first = Net(spec)
        try:
            with pytest.raises(OSError, match="in use"):
                Net(spec)
        finally:
            first.close()

    run(main())


@pytest.mark.ipv6
@pytest.mark.parametrize("rung", [None, Rung.PLAIN])
@pytest.mark.parametrize("address", [POD, POD_V6])
def test_pods_of_both_families_over_ipv6(address: str, rung: Rung | None) -> None:
    async def main() -> None:
        async with two_nodes((rung, rung), underlay=LOOPBACK_V6) as nodes:
            await nodes.server.create_server(Echo, address, 80)
            payload = bytes(range(256)) * 4000
            asking = spawn(ask(nodes.client, payload, address), name="asking")
            await until(lambda: nodes.client.open_connections == 1)
            [connection] = [c for stack in nodes.client.node.stacks.values() for c in stack.connections()]
            assert await asking == payload
            await until_idle(nodes)
            assert not nodes.server.node.underlays[0].vtep.all_drops()
            assert connection.tcb.smss == 1430 - (40 if address == POD else 60)
            assert connection.local[0] == nodes.client.node.addresses[address == POD_V6]

    run(main())


@pytest.mark.ipv6
def test_the_transport_tells_addresses_of_ipv6() -> None:
    async def main() -> None:
        async with two_nodes(underlay=LOOPBACK_V6) as nodes:
            await nodes.server.create_server(Echo, POD_V6, 80)
            transport, _ = await nodes.client.create_connection(asyncio.Protocol, POD_V6, 80)
            assert transport.get_extra_info("peername") == (POD_V6, 80)
            assert transport.get_extra_info("sockname")[0] == "fd00:8::1"
            transport.abort()

    run(main())


def test_a_family_that_we_have_no_address_of() -> None:
    async def main() -> None:
        async with two_nodes() as nodes:
            with pytest.raises(OSError, match="unreachable"):
                await nodes.client.create_connection(asyncio.Protocol, POD_V6, 80)

    run(main())


@pytest.mark.ipv6
def test_each_family_goes_by_its_own_underlay() -> None:
    async def main() -> None:
        async with two_nodes_of_two_underlays() as nodes:
            v4, v6 = (underlay.vtep for underlay in nodes.server.node.underlays)
            for address in (POD, POD_V6):
                await nodes.server.create_server(Echo, address, 80)
            assert await ask(nodes.client, b"bronze" * 10_000) == b"bronze" * 10_000
            await until_idle(nodes)
            of_v4 = v4.datagrams_in
            assert of_v4 and not v6.datagrams_in
            answer = await ask(nodes.client, b"willow" * 10_000, POD_V6)
            assert answer == b"willow" * 10_000
            await until_idle(nodes)
            assert (
                v6.datagrams_in > 3 and v4.datagrams_in - of_v4 < 3
            )  # an ACK or two more, of a FIN that was sent again
            assert not v4.all_drops() and not v6.all_drops()

    run(main())


def test_new_rules_reset_what_they_do_not_let_stand_and_nothing_else() -> None:
    class Silent(asyncio.Protocol):
        error: BaseException | None = None
        is_lost = False

        def connection_lost(self, exc: Exception | None) -> None:
            self.error, self.is_lost = exc, True

    def rules(*sources: str) -> NodeRules:
        peers = frozenset(map(pack_address, sources))
        allow = Allow("default/p", 0, peers)
        closed = PodRules({Direction.INGRESS: ("default/p",)}, {Direction.INGRESS: (allow,)}, "default/a")
        return NodeRules({pack_address(POD): closed})

    async def main() -> None:
        async with two_nodes() as nodes:
            await nodes.server.create_server(Echo, POD, 80)
            _, first = await nodes.client.create_connection(Silent, POD, 80)
            nodes.client.node.add_stack(pack_address("10.244.8.9"))
            _, second = await nodes.client.create_connection(Silent, POD, 80, source="10.244.8.9")
            await until(lambda: nodes.server.open_connections == 2)
            policy = nodes.server.policy
            policy.take(rules("10.244.8.1", "10.244.8.9"))
            nodes.server.recheck()
            await until_still(lambda: nodes.server.open_connections)
            assert nodes.server.open_connections == 2
            policy.take(rules("10.244.8.1"))
            nodes.server.recheck()
            await until(lambda: second.is_lost)
            assert isinstance(second.error, ConnectionResetError)
            assert not first.is_lost
            assert [(one.outcome, count) for one, count in policy.counts.items()] == [(Outcome.CUT, 1)]
            # who is known no more, gets no answer to a SYN either
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await nodes.client.create_connection(Silent, POD, 80, source="10.244.8.9")

    run(main())


@pytest.mark.parametrize("rung", [Rung.PLAIN, None])
def test_a_path_that_takes_less_than_the_overlay_says_shrinks_segments(
    rung: Rung | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kernel would say it: everything above 1,300 bytes is refused."""
    largest = 1300 - 28

    async def main() -> None:
        async with two_nodes((rung, rung)) as nodes:
            underlay = nodes.client.node.underlays[0]
            transmit = underlay.socket._transmit
            monkeypatch.setattr(underlay_module, "path_mtu", lambda to, sent: 1300)

            def refusing(part: memoryview, piece_bytes: int, to: tuple[str, int]) -> None:
                if min(piece_bytes, len(part)) > largest:
                    raise OSError(errno.EMSGSIZE, "too large")
                transmit(part, piece_bytes, to)

            monkeypatch.setattr(underlay.socket, "_transmit", refusing)
            await nodes.server.create_server(Echo, POD, 80)
            payload = random.Random(1).randbytes(300_000)
            assert await ask(nodes.client, payload) == payload
            refused = underlay.socket.errors["emsgsize"]
            assert 0 < refused < 20  # the initial window, at most
            stack = nodes.client.node.stacks[nodes.client.node.addresses[0]]
            assert stack.counters.retransmitted_segments < 300  # what was in flight then, and no more
            assert await ask(nodes.client, payload) == payload  # a new connection knows
            assert underlay.socket.errors["emsgsize"] == refused

    run(main())
