from __future__ import annotations

from bronzewillow.stack import StackConfig, State, TcpConfig
from bronzewillow.stack.config import SECOND
from bronzewillow.testing.script import LOCAL, Scripted


def test_each_timer_does_what_it_stands_for_at_one_instant() -> None:
    """A late shell: a delayed ACK, a retransmission and a keep-alive are due in one call."""
    s = Scripted(StackConfig(LOCAL, mtu=1040, tcp=TcpConfig(keepalive=True, keepalive_idle=1 * SECOND)))
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept")
    s.script("send 100\nignore\n< P. 1:11(10) ack 1")
    s.take()
    s.now = 5 * SECOND
    s.stack.handle_timeout(s.now)
    packets = s.stack.output(s.now)
    assert len(packets) == 2
    assert s.stack.counters.retransmission_timeouts == 1
    assert s.c.state is State.ESTABLISHED
    s.invariants.check()


def test_a_long_sleep_does_not_kill_a_connection_that_waited_for_nothing() -> None:
    """A laptop that was suspended: idle connections stay, and one with data tries again first."""
    s = Scripted()
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept")
    s.now += 10 * 3600 * SECOND
    s.stack.handle_timeout(s.now)
    s.script("nothing\nstate ESTABLISHED\nsend 10\n> P. 1:11(10) ack 1\n< . 1:1(0) ack 11")


def test_handle_timeout_early_does_nothing() -> None:
    s = Scripted()
    s.script("connect\nignore")
    before = s.stack.next_timeout()
    s.stack.handle_timeout(s.now + 1)
    assert s.stack.output(s.now + 1) == [] and s.stack.next_timeout() == before
