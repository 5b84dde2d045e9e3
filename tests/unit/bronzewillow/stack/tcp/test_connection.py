from __future__ import annotations

import pytest

from bronzewillow.stack import LocalError
from bronzewillow.testing.script import Scripted


@pytest.fixture
def s() -> Scripted:
    s = Scripted()
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept")
    return s


def test_consume_is_checked(s: Scripted) -> None:
    s.script("< P. 1:11(10) ack 1\nignore")
    with pytest.raises(LocalError, match="10 are unread"):
        s.c.consume(11, s.now)
    with pytest.raises(LocalError, match="cannot consume -1"):
        s.c.consume(-1, s.now)
    s.c.consume(10, s.now)
    assert s.c.unread_bytes == 0
    s.script("+40ms ignore")


def test_send_says_why_it_cannot(s: Scripted) -> None:
    s.script("abort\nignore")
    with pytest.raises(LocalError, match="CLOSED"):
        s.c.send(b"x", s.now)


def test_consume_after_the_end_is_allowed(s: Scripted) -> None:
    """The user may still be reading what was delivered before a reset."""
    s.script("< P. 1:11(10) ack 1\nignore\n< R 11:11(0)")
    s.c.consume(10, s.now)
    s.c.close(s.now)
    s.script("nothing")


def test_positions_and_sequence_numbers(s: Scripted) -> None:
    assert s.c.seq_at(0) == s.c.tcb.snd_nxt
    s.script("send 500\nignore")
    assert (s.c.flight.nxt, s.c.unsent_bytes) == (500, 0)
    assert s.c.seq_at(500) == s.c.tcb.snd_nxt
    s.script("< . 1:1(0) ack 501 win 0\nsend 10")
    assert (s.c.unsent_bytes, s.c.snd_wnd_left) == (10, 0)


def test_the_ends(s: Scripted) -> None:
    assert s.c.local == (bytes((10, 0, 0, 1)), 80)
    assert s.c.remote == (bytes((10, 0, 0, 2)), 40_000)
