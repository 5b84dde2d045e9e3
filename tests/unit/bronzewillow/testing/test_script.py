from __future__ import annotations

import pytest

from bronzewillow.testing.script import Scripted, ScriptError

OPENED = "listen\n< S 0:0(0) <mss 1000>\n> S. 0:0(0) ack 1\n< . 1:1(0) ack 1\naccept\n"


@pytest.mark.parametrize(
    ("text", "expected", "got"),
    [
        ("send 10", "no more output", "P. 1:11(10) ack 1 win 65535"),
        ("> . 1:1(0) ack 1", ". 1:1(0) ack 1", "no output"),
        ("send 10\n> . 1:10(9) ack 1", ". 1:10(9) ack 1", "P. 1:11(10) ack 1 win 65535"),
        ("send 10\n+1ms > . 1:11(10) ack 1", "now", "at 0.000000"),
        ("send 10\nnothing", "no more output", "P. 1:11(10)"),
        ("state CLOSE_WAIT", "CLOSE_WAIT", "ESTABLISHED"),
        ("< P. 1:2(1) ack 1\nevents PeerClosed", "PeerClosed", "DataReceived"),
        ("accept", "Accepted", "no Accepted event"),
    ],
)
def test_a_wrong_script_shows_both_sides_and_the_trace(text: str, expected: str, got: str) -> None:
    s = Scripted()
    s.script(OPENED)
    with pytest.raises(ScriptError) as caught:
        s.script(text)
    message = str(caught.value)
    assert expected in message.split("got:")[0] and got in message.split("got:")[1]
    assert "0.000000 < . 1:1(0) ack 1 win 65535" in message


def test_an_unknown_line_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such script line: frobnicate"):
        Scripted().script("frobnicate")


def test_other_bytes_than_were_sent_are_noticed() -> None:
    s = Scripted()
    s.script(OPENED)
    s.c.send(b"\xff" * 10, s.now)
    with pytest.raises(ScriptError, match="other bytes"):
        s.script("+0 ignore\nsend 1\n> P. 1:12(11) ack 1")


def test_time_is_relative_and_timers_run_on_time() -> None:
    s = Scripted()
    s.script("""
        connect
        > S 0:0(0)
        +1s > S 0:0(0)
        +500ms nothing
        +1.5s > S 0:0(0)
        +3999999us nothing
        +1us > S 0:0(0)
    """)
    assert s.now == 7_000_000
