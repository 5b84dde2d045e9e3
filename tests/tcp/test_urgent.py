"""RFC 9293 3.8.5: what a peer calls urgent is delivered in line; nothing of ours ever is (RFC 6093 6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bronzewillow.testing.script import Scripted
from bronzewillow.wire.tcp import Flags

URG = int(Flags.URG)


def urgent(s: Scripted, text: str, pointer: int) -> None:
    seg = s.segment(text)
    s.inject(replace(seg, flags=seg.flags | URG, urgent=pointer))


@pytest.mark.rfc("9293:MUST-30")
@pytest.mark.rfc("9293:MUST-31")
@pytest.mark.parametrize("pointer", [0, 1, 500, 1000, 65_535])
def test_urgent_data_of_any_length_is_delivered_in_line(established: Scripted, pointer: int) -> None:
    s = established
    urgent(s, "P. 1:1001(1000) ack 1", pointer)
    urgent(s, "P. 1001:2001(1000) ack 1", pointer)
    s.script("> . 1:1(0) ack 2001")
    assert s.received == 2000


@pytest.mark.rfc("9293:MUST-66")
def test_a_urgent_segment_at_a_zero_window_is_heard(established: Scripted) -> None:
    """Its ACK counts; there is nobody to tell of the pointer."""
    s = established
    s.script("send 10\n> P. 1:11(10) ack 1")
    s.inject(s.segment("P. 1:65536(65535) ack 1"))
    s.take()
    urgent(s, ". 65536:65536(0) ack 11", 7)
    assert not s.c.flight
