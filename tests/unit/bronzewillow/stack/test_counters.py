from __future__ import annotations

import dataclasses

from bronzewillow.stack import StackConfig
from bronzewillow.stack.counters import StackCounters
from bronzewillow.testing.script import LOCAL, PEER, Scripted
from bronzewillow.wire.packet import TcpPacket


def test_everything_starts_at_zero() -> None:
    assert set(dataclasses.asdict(StackCounters()).values()) == {0}


def test_segments_are_counted_as_on_the_wire() -> None:
    s = Scripted(StackConfig(LOCAL, mtu=1040))
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept\nsend 2500\nignore")
    k = s.stack.counters
    assert (k.segments_in, k.segments_out, k.payload_bytes_out, k.accepted) == (2, 1 + 3, 2500, 1)
    merged = TcpPacket(PEER, LOCAL, s.segment(". 1:3001(3000) ack 2501"), pieces=3)
    s.inject(merged)
    assert (k.segments_in, k.payload_bytes_in) == (5, 3000)
    s.script("ignore\n< . 1:3001(3000) ack 2501\nignore\n< . 4001:4002(1) ack 2501\nignore")
    assert (k.duplicate_segments, k.out_of_order_segments) == (1, 1)
