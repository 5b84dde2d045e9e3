"""What a user may ask of TCP, and what TCP asks of IP: RFC 9293 3.9."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import LocalError, Reset, Stack, StackConfig, TcpConfig
from bronzewillow.stack.config import SECOND
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.tcp import Flags, TcpSegment

Open = Callable[..., Scripted]
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)
LOCAL_V6, PEER_V6 = b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2"
SYN = int(Flags.SYN)


def sent(stack: Stack) -> list[TcpPacket]:
    return [packet for packet in stack.output(0) if isinstance(packet, TcpPacket)]


@pytest.mark.rfc("9293:MUST-44")
@pytest.mark.rfc("9293:MUST-45")
@pytest.mark.parametrize(("ours", "theirs"), [(LOCAL, PEER), (LOCAL_V6, PEER_V6)])
def test_every_segment_comes_from_the_address_of_the_stack(ours: bytes, theirs: bytes) -> None:
    stack = Stack(StackConfig(ours), random.Random(1))
    c = stack.connect(theirs, 80, 0)
    (syn,) = sent(stack)
    seg = TcpSegment(80, c.local[1], 5, syn.segment.seq + 1 & 0xFFFFFFFF, int(Flags.SYN | Flags.ACK), 1000)
    stack.receive([TcpPacket(theirs, ours, seg)], 0)
    c.send(b"x", 0)
    c.shutdown(0)
    packets = [syn, *sent(stack)]
    assert len(packets) >= 2
    assert {(packet.source, packet.destination) for packet in packets} == {(ours, theirs)}


@pytest.mark.rfc("9293:MUST-46")
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (LOCAL, bytes((224, 0, 0, 1))),
        (LOCAL, bytes((255, 255, 255, 255))),
        (LOCAL, bytes(4)),
        (LOCAL, bytes((127, 0, 0, 1))),
        (LOCAL, PEER_V6),
        (LOCAL_V6, b"\xff\2" + bytes(13) + b"\1"),
        (LOCAL_V6, bytes(16)),
        (LOCAL_V6, bytes(15) + b"\1"),
    ],
)
def test_an_open_to_a_group_or_to_nobody_is_refused(ours: bytes, theirs: bytes) -> None:
    stack = Stack(StackConfig(ours), random.Random(1))
    with pytest.raises(LocalError, match="no host"):
        stack.connect(theirs, 80, 0)
    assert stack.output(0) == [] and stack.connections() == []


@pytest.mark.rfc("9293:MUST-57")
@pytest.mark.parametrize("destination", [bytes((224, 0, 0, 1)), bytes((255, 255, 255, 255)), PEER])
def test_a_syn_to_a_group_is_discarded_silently(listening: Scripted, destination: bytes) -> None:
    listening.inject(TcpPacket(PEER, destination, TcpSegment(40_000, 80, 0, 0, SYN, 1000)))
    assert listening.take() == []
    assert listening.stack.drops == {DropReason.UNKNOWN_INNER_DESTINATION: 1}


@pytest.mark.rfc("9293:MUST-63")
@pytest.mark.parametrize(
    "source", [bytes((224, 0, 0, 1)), bytes((255, 255, 255, 255)), bytes(4), bytes((127, 0, 0, 1)), LOCAL]
)
def test_a_syn_from_an_invalid_address_is_ignored(listening: Scripted, source: bytes) -> None:
    listening.inject(TcpPacket(source, LOCAL, TcpSegment(40_000, 80, 0, 0, SYN, 1000)))
    assert listening.take() == [] and listening.stack.connections() == []
    assert listening.stack.drops == {DropReason.IP_ADDRESS: 1}


@pytest.mark.rfc("9293:MUST-49")
def test_the_ttl_is_configurable() -> None:
    stack = Stack(StackConfig(LOCAL, ttl=9), random.Random(1))
    stack.connect(PEER, 80, 0)
    stack.receive([TcpPacket(PEER, LOCAL, TcpSegment(5, 6, 0, 0, SYN, 1000))], 0)  # nobody listens: a RST
    assert [packet.ttl for packet in sent(stack)] == [9, 9]


@pytest.mark.rfc("9293:MUST-48")
@pytest.mark.rfc("9293:SHLD-21")
@pytest.mark.rfc("9293:SHLD-22")
def test_the_diffserv_field_reaches_ip_and_may_change(established: Scripted) -> None:
    s = established
    for dscp in (46 << 2, 8 << 2):
        s.c.tos = dscp
        s.c.send(b"x", s.now)
        (packet,) = s.stack.output(s.now)
        assert isinstance(packet, TcpPacket) and packet.tos == dscp


@pytest.mark.rfc("9293:MUST-41")
@pytest.mark.rfc("9293:MUST-42")
def test_a_port_can_be_listened_on_while_connections_from_it_are_being_opened(syn_sent: Scripted) -> None:
    s = syn_sent
    listener = s.stack.listen(s.local_port)
    other = TcpSegment(50_000, s.local_port, 7, 0, SYN, 1000)
    s.inject(TcpPacket(PEER, LOCAL, other))
    assert len(listener.half_open) == 1
    s.take()
    s.script("< S. 0:0(0) ack 1 <mss 1000>\n> . 1:1(0) ack 1\nstate ESTABLISHED\nevents Connected")


@pytest.mark.rfc("9293:MUST-24")
def test_keep_alives_are_switched_for_one_connection(open_with: Open) -> None:
    s = open_with(replace(PLAIN, keepalive_idle=60 * SECOND))
    s.script("+1h nothing")
    s.c.set_keepalive(True, s.now)
    s.script("""
        +0   > . 0:0(0) ack 1         # silent for longer than a minute already
        +0   < . 1:1(0) ack 1
        +60s > . 0:0(0) ack 1
        +0   < . 1:1(0) ack 1
    """)
    s.c.set_keepalive(False, s.now)
    s.script("+1h nothing\nstate ESTABLISHED")


def test_keep_alives_asked_for_early_begin_with_the_connection(script_with: Open) -> None:
    s = script_with(replace(PLAIN, keepalive_idle=60 * SECOND))
    s.script("connect\nignore")
    s.c.set_keepalive(True, s.now)
    s.script("""
        < S. 0:0(0) ack 1 <mss 1000>
        > . 1:1(0) ack 1
        +60s > . 0:0(0) ack 1
    """)


@pytest.mark.rfc("9293:MUST-28")
def test_the_default_interval_is_two_hours(open_with: Open) -> None:
    s = open_with(replace(PLAIN, keepalive=True))
    s.script("+7199s nothing\n+1s > . 0:0(0) ack 1")


@pytest.mark.rfc("9293:MUST-21")
def test_r2_is_set_for_one_connection(established: Scripted) -> None:
    s = established
    s.c.set_user_timeout(5 * SECOND)
    s.script("""
        send 10
        +4s ignore
        state ESTABLISHED
        +10s ignore
        state CLOSED
        events Reset Closed
    """)


@pytest.mark.rfc("9293:MUST-60")
@pytest.mark.rfc("9293:MUST-61")
@pytest.mark.rfc("9293:SHLD-27")
@pytest.mark.rfc("9293:SHLD-28")
def test_all_that_is_buffered_leaves_in_full_segments_and_psh_stands_on_the_last(open_with: Open) -> None:
    s = open_with(replace(PLAIN, max_super_segment_bytes=2000))
    for _ in range(9):  # as one write, whatever the number of calls
        s.c.send(b"x" * 500, s.now)
    got = sent(s.stack)
    assert [len(packet.segment.payload) for packet in got] == [2000, 2000, 500]
    assert {packet.mss for packet in got} == {1000}
    assert [bool(packet.segment.flags & Flags.PSH) for packet in got] == [False, False, True]


@pytest.mark.rfc("9293:MUST-12")
@pytest.mark.rfc("9293:MUST-47")
def test_the_user_learns_how_a_connection_ended(established: Scripted) -> None:
    s = established
    s.script("< R 1:1(0)")
    reset, _closed = s.event_log
    assert isinstance(reset, Reset) and "reset" in str(reset.error)


@pytest.mark.rfc("9293:MUST-1")
def test_the_window_field_is_unsigned(open_with: Open) -> None:
    s = open_with(win=65_535)
    assert s.c.tcb.snd_wnd == 65_535
    s.c.congestion.cwnd = 1 << 20
    s.c.send(bytes(70_000), s.now)
    assert sum(len(packet.segment.payload) for packet in sent(s.stack)) == 65_000
