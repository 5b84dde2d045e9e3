from __future__ import annotations

import random

import pytest

from bronzewillow.stack import Connected, DataReceived, Event
from bronzewillow.testing.simnet import Direction, Link, SimNet, cut, wire_bytes
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment

B = bytes((10, 0, 0, 2))


def way(link: Link) -> Direction:
    return Direction(link, random.Random(1))


def test_a_perfect_link_only_delays() -> None:
    assert way(Link(delay=7)).arrivals(1000, 100) == [107]


def test_loss_duplication_and_reordering() -> None:
    assert way(Link(loss=1.0)).arrivals(1, 0) == []
    assert way(Link(delay=5, duplication=1.0)).arrivals(1, 0) == [5, 6]
    assert way(Link(delay=5, reordering=1.0, reorder_delay=50)).arrivals(1, 0) == [55]
    half = way(Link(loss=0.5))
    for _ in range(1000):
        half.arrivals(1, 0)
    assert 400 < half.lost < 600 and half.sent == 1000


def test_rate_queue_and_mtu() -> None:
    slow = way(Link(delay=0, rate_bytes_per_s=1_000_000, queue_bytes=2000))
    assert [slow.arrivals(1000, 0) for _ in range(5)] == [[1000], [2000], [3000], [], []]
    assert way(Link(mtu=1000)).arrivals(1001, 0) == []


def test_cutting_a_super_segment() -> None:
    flags = int(Flags.ACK | Flags.PSH | Flags.FIN)
    seg = TcpSegment(1, 2, 2**32 - 5, 0, flags, 9, payload=b"0123456789ab")
    pieces = cut(TcpPacket(B, B, seg, mss=5))
    assert all(isinstance(piece, TcpPacket) for piece in pieces)
    segs = [piece.segment for piece in pieces if isinstance(piece, TcpPacket)]
    assert [s.payload for s in segs] == [b"01234", b"56789", b"ab"]
    assert [s.seq for s in segs] == [2**32 - 5, 0, add(0, 5)]
    assert [s.flags for s in segs] == [int(Flags.ACK), int(Flags.ACK), flags]
    assert cut(TcpPacket(B, B, seg)) == [TcpPacket(B, B, seg)]


def test_sizes_count_headers_and_options() -> None:
    options = TcpOptions(timestamps=(1, 2), sack=((1, 2),))
    seg = TcpSegment(1, 2, 0, 0, 16, 9, options, payload=b"x" * 10)
    assert wire_bytes(TcpPacket(B, B, seg)) == 40 + 10 + 12 + 12
    assert wire_bytes(Ipv4Packet(B, B, 1, b"12345678")) == 28
    assert wire_bytes(TcpPacket(bytes(16), bytes(16), seg)) == 60 + 10 + 12 + 12


def test_two_hosts_talk() -> None:
    net = SimNet(1, Link(delay=1000))
    net.b.stack.listen(80)

    def greet(event: Event, now: int) -> None:
        if isinstance(event, Connected):
            event.connection.send(b"hi", now)

    net.a.on_event = greet
    net.a.stack.connect(B, 80, 0)
    net.run(lambda: any(isinstance(event, DataReceived) for event in net.b.events))
    assert list(net.b.received.values()) == [b"hi"]
    assert net.now == 3000


def test_run_says_when_nothing_happens_any_more() -> None:
    net = SimNet(1)
    with pytest.raises(AssertionError, match="nothing happens"):
        net.run(lambda: False)
    net.a.stack.connect(B, 80, 0)
    with pytest.raises(AssertionError, match="not done after"):
        run_in_the_dark(net)


def run_in_the_dark(net: SimNet) -> None:
    net.forward.link = Link(loss=1.0)
    net.run(lambda: False, limit=5_000_000)
