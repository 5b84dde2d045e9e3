from __future__ import annotations

import pytest

from bronzewillow.testing.script import Scripted


@pytest.fixture
def s() -> Scripted:
    s = Scripted()
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept")
    return s


def test_the_window_follows_the_newest_segment_only(s: Scripted) -> None:
    s.script("< P. 1:11(10) ack 1 win 5000\nignore\n< . 1:1(0) ack 1 win 9000\nignore")
    assert s.c.tcb.snd_wnd == 5000
    s.script("< . 11:11(0) ack 1 win 9000")
    assert s.c.tcb.snd_wnd == 9000


def test_what_is_acknowledged_frees_the_send_buffer(s: Scripted) -> None:
    s.script("send 3000\nignore\n< . 1:1(0) ack 1501")
    assert (s.c.send_buffer.start, s.c.flight.una, s.c.flight.size) == (1500, 1500, 1500)
    s.script("< . 1:1(0) ack 3001\n+10s nothing")


def test_a_sample_comes_from_what_was_sent_once(s: Scripted) -> None:
    before = s.c.rtt.srtt
    s.script("send 1000\nignore\n+200ms ignore\n+5ms < . 1:1(0) ack 1001")
    assert s.c.rtt.srtt == before
    s.script("send 1000\nignore\n+80ms < . 1:1(0) ack 2001")
    assert s.c.rtt.srtt > before
