from __future__ import annotations

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.script import LOCAL, Scripted
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.tcp import Flags


def opened(tcp: TcpConfig | None = None) -> Scripted:
    s = Scripted(StackConfig(LOCAL, tcp=tcp or TcpConfig()))
    s.window = 32_768
    s.script("""
        listen
        < S 0:0(0) <mss 1410,sackOK,wscale 8>
        ignore
        < . 1:1(0) ack 1
        accept
    """)
    return s


@pytest.mark.case("report-9")
def test_a_large_window_leaves_in_super_segments() -> None:
    s = opened()
    s.c.congestion.cwnd = 1 << 20
    s.c.send(bytes(200_000), s.now)
    packets = [packet for packet in s.stack.output(s.now) if isinstance(packet, TcpPacket)]
    sizes = [len(packet.segment.payload) for packet in packets]
    assert sum(sizes) == 200_000 and max(sizes) <= 61_440
    assert all(size % 1410 == 0 for size in sizes[:-1])  # only the last has a short piece
    assert {packet.mss for packet in packets} == {1410}
    assert [bool(packet.segment.flags & Flags.PSH) for packet in packets] == [False] * (len(sizes) - 1) + [
        True
    ]


def test_cwnd_limits_what_leaves() -> None:
    s = opened()
    s.c.send(bytes(200_000), s.now)
    (packet,) = s.stack.output(s.now)
    assert isinstance(packet, TcpPacket) and len(packet.segment.payload) == 14_100
    assert s.c.flight.size == 14_100


def test_nothing_to_say_is_nothing_sent() -> None:
    s = opened()
    s.stack._tcp.mark_dirty(s.c)
    assert s.stack.output(s.now) == []


def test_a_pause_restarts_slow_start() -> None:  # RFC 5681 4.1
    s = opened()
    s.c.congestion.cwnd = 1 << 20
    s.advance(10_000_000)
    s.c.send(bytes(200_000), s.now)
    (packet,) = s.stack.output(s.now)
    assert isinstance(packet, TcpPacket) and len(packet.segment.payload) == 14_100
