"""What a stranger can make grow, and how far: RFC 4987, and the bounds of TcpConfig."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import Accepted, Closed, LocalError, StackConfig, TcpConfig
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.testing.simnet import Link, SimNet
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags, TcpSegment

SYN, ACK, RST = int(Flags.SYN), int(Flags.ACK), int(Flags.RST)


def syn_from(i: int) -> TcpPacket:
    source = bytes((10, 1 + (i >> 16), i >> 8 & 255, i & 255))
    return TcpPacket(source, LOCAL, TcpSegment(1024 + i % 50_000, 80, i * 977, 0, SYN, 65_535))


@pytest.mark.parametrize("cookies", [True, False])
@pytest.mark.parametrize("backlog", [128, 100_000])
@pytest.mark.rfc("4987:3.6")
@pytest.mark.case("case-2")
@pytest.mark.case("report-22")
def test_ten_thousand_spoofed_syns_and_then_a_real_client(backlog: int, cookies: bool) -> None:
    s = Scripted(StackConfig(LOCAL, tcp=TcpConfig(syn_cookies=cookies)))
    s.stack.listen(81, backlog)
    for i in range(10_000):
        packet = syn_from(i)
        s.stack.receive([replace(packet, segment=replace(packet.segment, destination_port=81))], i)
        s.stack.output(i)
    limit = min(backlog, s.stack.config.tcp.max_half_open)
    assert len(s.stack.connections()) == limit
    k = s.stack.counters
    over = 10_000 - limit
    assert (k.syn_cookies_sent, k.half_open_evicted) == ((over, 0) if cookies else (0, over))
    assert s.stack.drops[DropReason.BACKLOG_FULL] == k.half_open_evicted
    assert s.stack.events() == []
    s.local_port = 81
    s.advance(10_000)
    s.inject(s.segment("S 0:0(0) <mss 1000>"))
    (syn_ack,) = s.take()
    assert isinstance(syn_ack, TcpPacket)
    s.inject(TcpSegment(s.peer_port, 81, add(s.peer_isn, 1), add(syn_ack.segment.seq, 1), ACK, 1000))
    assert [type(event) for event in s.event_log] == [Accepted]
    assert k.syn_cookies_accepted == cookies


@pytest.mark.case("case-15")
def test_abandoned_handshakes_are_freed_by_their_timer(listening: Scripted) -> None:
    for i in range(50):
        listening.inject(syn_from(i))
    listening.take()
    listening.advance(250_000_000)
    listening.take()
    assert listening.stack.connections() == []
    assert listening.stack.next_timeout() is None
    assert listening.event_log == []


def test_one_listeners_backlog_does_not_starve_another() -> None:
    s = Scripted(StackConfig(LOCAL))
    small, other = s.stack.listen(80, backlog=2), s.stack.listen(81)
    for i in range(10):
        s.inject(syn_from(i), replace(syn_from(i), segment=replace(syn_from(i).segment, destination_port=81)))
    s.take()
    assert (len(small.half_open), len(other.half_open)) == (2, 10)


def test_a_connection_limit_drops_syns_and_counts_them() -> None:
    s = Scripted(StackConfig(LOCAL, tcp=TcpConfig(max_connections=3)))
    s.stack.listen(80)
    for i in range(5):
        s.inject(syn_from(i))
    assert len(s.take()) == 3
    assert s.stack.counters.refused_over_limit == 2
    with pytest.raises(LocalError, match="too many"):
        s.stack.connect(PEER, 80, s.now)


def test_time_wait_gives_way_when_room_is_needed(open_with: Callable[..., Scripted]) -> None:
    s = open_with(TcpConfig(timestamps=False, max_connections=1))
    s.script("shutdown\nignore\n< F. 1:1(0) ack 2\nignore\nstate TIME_WAIT")
    s.inject(syn_from(1))
    assert len(s.take()) == 1
    s.script("state CLOSED")


def test_what_its_owner_has_closed_gives_way_when_room_is_needed(open_with: Callable[..., Scripted]) -> None:
    """A peer that takes a byte with each probe of its window could keep its place for ever."""
    s = open_with(TcpConfig(timestamps=False, sack=False, window_scale=False, max_connections=1))
    s.script("< . 1:1(0) ack 1 win 0\nsend 1000\nclose")
    for taken in range(1, 30):
        s.script(f"+60s ignore\n< . 1:1(0) ack {1 + taken} win 0\nignore")
    s.script("state ESTABLISHED")
    s.inject(syn_from(1))
    reset, syn_ack = (packet.segment.flags for packet in s.take() if isinstance(packet, TcpPacket))
    assert (reset & RST, syn_ack) == (RST, SYN | ACK)
    assert len(s.stack.connections()) == 1
    s.inject(syn_from(2))
    assert s.stack.counters.refused_over_limit == 1, "what is open stays"


def test_a_closed_listener_forgets_half_open_and_keeps_accepted(listening: Scripted) -> None:
    listening.script("""
        < S  0:0(0) <mss 1000>
        ignore
        < .  1:1(0) ack 1
        accept
    """)
    listening.inject(syn_from(1))
    listening.take()
    assert listening.c.listener is not None
    listening.c.listener.close()
    listening.c.listener.close()
    assert listening.stack.connections() == [listening.c]
    listening.inject(syn_from(2))
    (reset,) = listening.take()
    assert isinstance(reset, TcpPacket) and reset.segment.flags == RST | ACK
    listening.script("+0 < P. 1:11(10) ack 1\n+40ms > . 1:1(0) ack 11")
    listening.stack.listen(80)


def test_a_port_has_one_listener(listening: Scripted) -> None:
    with pytest.raises(LocalError, match="port 80"):
        listening.stack.listen(80)


@pytest.mark.case("case-15")
@pytest.mark.case("report-16")
def test_many_open_close_cycles_leave_nothing() -> None:
    net = SimNet(1, Link(delay=50))
    net.b.stack.listen(80)
    net.b.on_event = lambda event, now: event.connection.shutdown(now)
    net.a.on_event = lambda event, now: event.connection.shutdown(now)
    for _ in range(1000):
        net.a.stack.connect(bytes((10, 0, 0, 2)), 80, net.now)
        net.run(lambda: any(isinstance(event, Closed) for event in net.a.events))
        net.a.events.clear()
    net.run_until_quiet()
    for host in (net.a, net.b):
        assert host.stack.connections() == []
        assert host.stack.next_timeout() is None
    assert sum(isinstance(event, Closed) for event in net.b.events) == 1000


def test_a_busy_connection_leaves_no_pile_of_timer_entries(established: Scripted) -> None:
    """Each round trip moves timers earlier and later; the queue must not remember all of it."""
    s = established
    seq = 1
    for _ in range(3000):
        s.stack.receive([TcpPacket(PEER, LOCAL, s.segment(f"P. {seq}:{seq + 1}(1) ack {seq}"))], s.now)
        s.c.send(b"x", s.now)
        s.stack.output(s.now)
        s.stack.events()
        s.c.consume(1, s.now)
        seq += 1
        s.now += 1000
    assert len(s.stack._tcp.timer_queue) < 100


def test_what_is_early_does_not_keep_out_what_fills_its_gap() -> None:
    """No memory is left, and 16 KiB that came early hold all that a connection is guaranteed."""
    tcp = TcpConfig(window_scale=False, timestamps=False)
    s = Scripted(StackConfig(LOCAL, max_buffered_bytes=0, tcp=tcp))
    s.script("""
        listen
        <  S  0:0(0) <mss 1000,sackOK>
        ignore
        <  .  1:1(0) ack 1
        accept
        <  .  1001:17001(16000) ack 1
        >  .  1:1(0) ack 1 <sack {1001:17001}>
        <  .  17001:18001(1000) ack 1
        >  .  1:1(0) ack 1 <sack {1001:17001}>
        <  .  1:1001(1000) ack 1
        >  .  1:1(0) ack 17001
    """)
    assert s.stack.drops[DropReason.BUFFER_LIMIT] == 1
    assert s.received == 17_000
