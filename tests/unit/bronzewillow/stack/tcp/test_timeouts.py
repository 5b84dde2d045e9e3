from __future__ import annotations

import pytest

from bronzewillow.stack import StackConfig, State, TcpConfig
from bronzewillow.stack.config import SECOND
from bronzewillow.testing.script import LOCAL, Scripted
from bronzewillow.wire.packet import TcpPacket


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


@pytest.mark.case("case-25")
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


@pytest.mark.case("case-25")
def test_a_long_sleep_does_not_count_as_silence_of_the_peer() -> None:
    """A laptop that was suspended with data in flight: it tries again before it gives up."""
    s = Scripted()
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept\nsend 10\nignore")
    s.now += 10 * 3600 * SECOND
    s.stack.handle_timeout(s.now)
    s.script("+0 nothing")
    (packet,) = s.stack.output(s.now)
    assert isinstance(packet, TcpPacket) and len(packet.segment.payload) == 10
    s.script("state ESTABLISHED\n< . 1:1(0) ack 11\nnothing")
    assert not s.c.flight


def test_who_sleeps_often_gives_up_in_the_end() -> None:
    s = Scripted()
    s.script("listen\n< S 0:0(0) <mss 1000>\nignore\n< . 1:1(0) ack 1\naccept\nsend 10\nignore")
    for _ in range(100):
        s.advance(s.c.rtt.rto)
        s.now += 3600 * SECOND
        s.stack.handle_timeout(s.now)
        s.stack.output(s.now)
        if s.c.state is State.CLOSED:
            return
    raise AssertionError("never")
