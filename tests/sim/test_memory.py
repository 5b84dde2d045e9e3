"""Memory of a pod and of the process is bounded, and every connection goes on nevertheless."""

from __future__ import annotations

import random

import pytest

from bronzewillow.stack import Accepted, Connection, Event, Stack, StackConfig, TcpConfig, Writable
from bronzewillow.stack.tcp.memory import GUARANTEED_BYTES, Memory
from bronzewillow.testing.exchange import Exchange
from bronzewillow.testing.simnet import MILLISECOND, SECOND, Link, SimNet

A, B = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
LIMIT = 256 << 10


def net_with(limit: int, **links: Link) -> SimNet:
    return SimNet(1, **links, a=StackConfig(A), b=StackConfig(B, max_buffered_bytes=limit))


def used(net: SimNet) -> int:
    return net.b.stack._tcp.memory.used_bytes


def test_readers_that_do_not_read_stay_within_twice_the_bound() -> None:
    net = net_with(LIMIT)
    net.b.consumes = False
    net.b.stack.listen(80, backlog=60)
    cs = [net.a.stack.connect(B, 80, 0) for _ in range(60)]
    for c in cs:
        c.send(bytes(100_000), 0)
    most = 0

    def watch() -> None:
        nonlocal most
        most = max(most, used(net))

    net.on_step = watch
    net.run_until_quiet(10 * SECOND)
    assert LIMIT < most <= 2 * LIMIT + 60 * GUARANTEED_BYTES
    held = sum(c.received_bytes for c in net.b.stack.connections())
    assert used(net) == held
    for c in net.b.stack.connections():  # and once they read, all of it comes
        c.consume(c.unread_bytes, net.now)
    net.b.consumes = True
    net.run(lambda: sum(map(len, net.b.received.values())) == 60 * 100_000, limit=300 * SECOND)


def test_writers_take_what_is_guaranteed_and_are_woken() -> None:
    net = net_with(LIMIT, link=Link(delay=1 * MILLISECOND))
    net.b.stack.listen(80, backlog=200)
    left: dict[Connection, int] = {}
    most = 0

    def serve(event: Event, now: int) -> None:
        nonlocal most
        if isinstance(event, Accepted):
            left[event.connection] = 300_000
        if isinstance(event, Accepted | Writable):
            c = event.connection
            while left[c] and (taken := c.send(bytes(min(left[c], 65_536)), now)):
                left[c] -= taken
            most = max(most, used(net))

    net.b.on_event = serve
    for _ in range(30):
        net.a.stack.connect(B, 80, 0)
    net.run(lambda: sum(map(len, net.a.received.values())) == 30 * 300_000)
    net.run_until_quiet(1 * SECOND)
    assert most <= LIMIT + 65_536 + 30 * GUARANTEED_BYTES
    assert used(net) == 0


LONG = Link(50 * MILLISECOND, rate_bytes_per_s=12_500_000)
"""1.2 MB fit into it, of which a connection begins with 64 KiB here."""
QUEUED = Link(1 * MILLISECOND, rate_bytes_per_s=12_500_000)
"""25 kB: the rest of a longer buffer would wait before the link."""


@pytest.mark.parametrize(
    ("link", "of_pod", "grows"),
    [(LONG, 256 << 20, True), (QUEUED, 256 << 20, False), (LONG, 0, False)],
    ids=["long path", "own queue", "memory is short"],
)
def test_the_send_buffer_grows_with_what_the_path_holds(link: Link, of_pod: int, grows: bool) -> None:
    tcp = TcpConfig(initial_send_bytes=64 << 10, send_buffer_bytes=512 << 10)
    net = SimNet(1, link, a=StackConfig(A, tcp=tcp, max_buffered_bytes=of_pod))
    net.b.stack.listen(80)
    left = 3_000_000

    def write(event: Event, now: int) -> None:
        nonlocal left
        if left:
            left -= event.connection.send(bytes(min(left, 600_000)), now)

    net.a.on_event = write
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: sum(map(len, net.b.received.values())) == 3_000_000)
    if grows:
        assert c.send_buffer.capacity_bytes == 512 << 10
    else:
        assert c.send_buffer.capacity_bytes <= 128 << 10


@pytest.mark.parametrize("limit", [0, 20_000])
@pytest.mark.parametrize("seed", range(3))
def test_no_memory_at_all_is_slow_and_right(limit: int, seed: int) -> None:
    """What is guaranteed is enough for every byte, over a bad link too."""
    link = Link(delay=1 * MILLISECOND, loss=0.02, reordering=0.05)
    net = SimNet(seed, link, a=StackConfig(A), b=StackConfig(B, max_buffered_bytes=limit))
    Exchange(net, up=150_000, down=150_000, connections=3).run()
    assert used(net) == 0


def test_pods_of_one_process_share_its_bound() -> None:
    process = Memory(10_000)
    stacks = [Stack(StackConfig(address), random.Random(1), process) for address in (A, B)]
    cs = [stack.connect(bytes((10, 0, 0, 9)), 80, 0) for stack in stacks]
    assert cs[0].send(bytes(50_000), 0) == 50_000
    assert cs[1].send(bytes(50_000), 0) == GUARANTEED_BYTES
    assert process.used_bytes == 50_000 + GUARANTEED_BYTES
    for c in cs:
        c.abort(0)
    assert process.used_bytes == 0
