"""Cases of docs/tcp-cases.md that no other test shows."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from time import process_time

import pytest

from bronzewillow.stack import (
    Accepted,
    Closed,
    Connected,
    DataReceived,
    Event,
    PeerClosed,
    Stack,
    StackConfig,
    TcpConfig,
)
from bronzewillow.stack.config import MILLISECOND
from bronzewillow.testing.invariants import Invariants
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.testing.simnet import Link, SimNet
from bronzewillow.wire.packet import TcpPacket

Open = Callable[..., Scripted]
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)
B = bytes((10, 0, 0, 2))


@pytest.mark.case("case-4")
def test_a_stack_that_dials_itself() -> None:
    stack = Stack(StackConfig(LOCAL), random.Random(1))
    watch = Invariants(stack)
    stack.listen(80)
    dialled = stack.connect(LOCAL, 80, 0)
    got: dict[bool, bytes] = {True: b"", False: b""}
    closed: list[bool] = []

    def on_event(event: Event) -> None:
        c, is_ours = event.connection, event.connection is dialled
        if isinstance(event, Accepted | Connected):
            assert c.send(b"from the dialler" if is_ours else b"from the listener", 0)
            c.shutdown(0)
        elif isinstance(event, DataReceived):
            got[is_ours] += event.data
            c.consume(len(event.data), 0)
        elif isinstance(event, Closed):
            closed.append(is_ours)

    for _ in range(10):
        for event in stack.events():
            on_event(event)
        assert stack.output(0) == []
        watch.check()
    assert got == {True: b"from the listener", False: b"from the dialler"}
    assert sorted(closed) == [False, True]


@pytest.mark.case("case-4")
def test_a_connection_to_itself_meets_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same port at both ends: a simultaneous open with oneself (RFC 9293 3.5)."""
    stack = Stack(StackConfig(LOCAL), random.Random(1))
    monkeypatch.setattr(stack._tcp, "_ephemeral_port", lambda *args: 50_000)
    c = stack.connect(LOCAL, 50_000, 0)
    assert stack.output(0) == []
    assert c.state.value == "ESTABLISHED"
    c.send(b"echo", 0)
    assert stack.output(0) == []
    data = [event.data for event in stack.events() if isinstance(event, DataReceived)]
    assert data == [b"echo"]
    c.shutdown(0)
    stack.output(0)
    assert c.state.value == "TIME_WAIT"
    stack.handle_timeout(c.config.time_wait)
    assert stack.connections() == []


@pytest.mark.case("case-9")
def test_one_byte_segments_in_reverse_order_cost_no_more_each(open_with: Open) -> None:
    """SegmentSmack, CVE-2018-5390: the work per segment does not grow with what is held."""

    def cost(count: int) -> float:
        s = open_with(replace(PLAIN, sack=True), options="mss 1000,sackOK")
        segments = [s.segment(f". {at}:{at + 1}(1) ack 1") for at in range(count, 1, -1)]
        packets = [TcpPacket(PEER, LOCAL, segment) for segment in segments]
        start = process_time()
        for packet in packets:
            s.stack.receive([packet], 0)
            s.stack.output(0)
        return process_time() - start

    few, many = min(cost(200) for _ in range(3)), min(cost(2_000) for _ in range(2))
    assert many < 10 * few * 3


@pytest.mark.case("case-25")
@pytest.mark.parametrize("pause", [200 * MILLISECOND, 2_000 * MILLISECOND])
def test_a_pause_of_the_process_brings_no_mass_retransmission(pause: int) -> None:
    """Garbage collection or a busy loop: what has arrived meanwhile is read before timers run."""
    net = SimNet(1, Link(delay=5 * MILLISECOND))
    net.b.stack.listen(80)
    cs = [net.a.stack.connect(B, 80, 0) for _ in range(50)]
    net.run(lambda: len(net.a.events) == 50)
    for c in cs:
        c.send(b"x" * 5_000, net.now)
    net.settle()
    arrivals = []
    while net._in_transit and net.step():  # the answers, which a does not read yet
        arrivals += [packet for _, _, host, packet in net._in_transit if host is net.a]
        net._in_transit = [entry for entry in net._in_transit if entry[2] is not net.a]
    now = net.now + pause
    net.a.stack.receive(arrivals, now)
    net.a.stack.handle_timeout(now)
    net.a.stack.output(now)
    assert not any(c.flight for c in cs)
    assert net.a.stack.counters.retransmission_timeouts == 0


@pytest.mark.case("case-12")
@pytest.mark.case("report-24")
@pytest.mark.parametrize("buffer_bytes", [1_500, 2_000, 2_900])
def test_a_buffer_of_about_one_segment_does_not_wait_for_delayed_acks(buffer_bytes: int) -> None:
    """Window for one large segment at a time: acknowledged once half of it is used, not 40 ms later."""
    small = StackConfig(B, tcp=TcpConfig(receive_buffer_bytes=buffer_bytes))
    net = SimNet(1, Link(delay=1 * MILLISECOND), b=small)
    net.b.stack.listen(80)
    size = 200_000
    c = net.a.stack.connect(B, 80, 0)
    c.send(bytes(size), 0)
    net.run(lambda: sum(map(len, net.b.received.values())) == size)
    assert net.now < size / buffer_bytes * 2 * 4 * MILLISECOND


@pytest.mark.case("report-19")
@pytest.mark.case("report-18")
def test_a_peer_that_leaves_256_times_leaves_no_slot_taken() -> None:
    """Each FIN is passed on; an owner that closes then has its slot back, TIME-WAIT or not."""
    tcp = TcpConfig(max_connections=8)
    net = SimNet(1, Link(delay=100), b=StackConfig(B, tcp=tcp))
    net.b.stack.listen(80)

    def server(event: Event, now: int) -> None:
        if isinstance(event, PeerClosed):
            event.connection.close(now)

    net.b.on_event = server
    for _ in range(256):
        c = net.a.stack.connect(B, 80, net.now)
        net.run(lambda c=c: c.state.value == "ESTABLISHED")  # type: ignore[misc]
        c.close(net.now)
        net.run(lambda c=c: c.state.value in ("TIME_WAIT", "CLOSED"))  # type: ignore[misc]
    assert net.b.stack.counters.accepted == 256


@pytest.mark.case("report-5")
@pytest.mark.case("report-25")
@pytest.mark.parametrize("buffer_bytes", [1, 100, 5_000, 100_000])
def test_a_writer_that_waits_is_always_woken(buffer_bytes: int) -> None:
    tcp = TcpConfig(send_buffer_bytes=buffer_bytes)
    net = SimNet(1, Link(delay=1 * MILLISECOND, loss=0.01), a=StackConfig(LOCAL, tcp=tcp))
    net.b.stack.listen(80)
    left = min(100 * buffer_bytes, 300_000)
    total = left

    def writer(event: Event, now: int) -> None:
        nonlocal left
        if left and not isinstance(event, Closed):
            left -= event.connection.send(bytes(left), now)

    net.a.on_event = writer
    net.a.stack.connect(B, 80, 0)
    net.run(lambda: sum(map(len, net.b.received.values())) == total)


@pytest.mark.case("case-17")
@pytest.mark.parametrize("lost", [1, 7, 14, 15])
def test_an_answer_whose_end_is_lost_does_not_wait_for_a_timeout(
    lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifteen segments at 20 ms, one of which is lost, the last among them: a probe tells of it."""
    net = SimNet(1, Link(delay=10 * MILLISECOND))
    net.b.stack.listen(80)
    c = net.a.stack.connect(B, 80, 0)
    net.run(lambda: bool(net.b.events))
    arrivals, data_segments = net.forward.arrivals, 0

    def losing(size: int, now: int) -> list[int]:
        nonlocal data_segments
        data_segments += size > 100
        return [] if size > 100 and data_segments == lost else arrivals(size, now)

    monkeypatch.setattr(net.forward, "arrivals", losing)
    began = net.now
    c.send(bytes(15 * c.tcb.eff_snd_mss), net.now)
    net.run(lambda: sum(map(len, net.b.received.values())) == 15 * c.tcb.eff_snd_mss)
    assert net.a.stack.counters.retransmission_timeouts == 0
    # RFC 8985 7.2: a single segment leaves the peer time for a delayed ACK
    assert net.now - began < 300 * MILLISECOND
