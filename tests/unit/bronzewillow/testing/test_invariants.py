from __future__ import annotations

from collections.abc import Callable

import pytest

from bronzewillow.stack import Connection
from bronzewillow.stack.tcp.timers import Timer
from bronzewillow.testing.script import Scripted


def _set(name: str, value: object) -> Callable[[Connection], None]:
    return lambda c: setattr(c, name, value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: setattr(c.tcb, "snd_una", c.tcb.snd_nxt + 1), "SND.UNA"),
        (lambda c: setattr(c.tcb, "rcv_wnd", c.tcb.rcv_wnd - 1), "moved left by 1"),
        (lambda c: setattr(c.tcb, "rcv_wnd", 1 << 30), "more offered"),
        (lambda c: setattr(c.flight, "lost_bytes", 5), "sums"),
        (lambda c: c.flight.on_send(5, 0), "not the flight"),
        (lambda c: c.timers.cancel(Timer.RETRANSMIT), "no timer"),
        (_set("ack_now", True), "was not sent"),
        (_set("unacked_bytes", 1), "delayed for ever"),
        (lambda c: c.timers.arm(Timer.KEEPALIVE, 1), "nobody waits"),
    ],
)
def test_a_broken_invariant_is_noticed(spoil: Callable[[Connection], None], message: str) -> None:
    s = Scripted()
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept\nsend 100\nignore")
    s.invariants.check()
    spoil(s.c)
    with pytest.raises(AssertionError, match=message):
        s.invariants.check()


def test_a_timer_in_closed_is_noticed() -> None:
    s = Scripted()
    s.script("connect\nignore")
    s.c.abort(s.now)
    s.c.timers.arm(Timer.RETRANSMIT, 5)
    with pytest.raises(AssertionError, match="armed in CLOSED"):
        s.invariants.check()
