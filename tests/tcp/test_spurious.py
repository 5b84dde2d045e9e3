"""RFC 3522, RFC 3708, RFC 9438 4.9: recoveries that were for nothing, and are undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]
STAMPED = TcpConfig(window_scale=False)
SACK = TcpConfig(window_scale=False, timestamps=False)
MSS = 988  # with timestamps


def opened(script_with: Open, tcp: TcpConfig) -> Scripted:
    """ESTABLISHED with a round trip of 40 ms; cwnd is ten segments."""
    s = script_with(tcp)
    s.script("""
        listen
        <  S  0:0(0) win 65535 <mss 1000,sackOK,TS val 1 ecr 0>
        ignore
        +40ms <  .  1:1(0) ack 1 <TS val 41 ecr 0>
        accept
    """)
    return s


@pytest.mark.rfc("3522:3.2")
@pytest.mark.rfc("9438:4.9.1")
def test_a_timeout_while_the_path_stood_still(script_with: Open) -> None:
    """A suspended laptop, a pause of the peer: the ACKs that come then are of the first transmissions."""
    s = opened(script_with, STAMPED)
    s.c.congestion.cwnd = 20_000
    s.script(f"""
        send {10 * MSS}
        +0     >  P. 1:9881(9880) ack 1
        +80ms  >  .  8893:9881(988) ack 1               # the tail loss probe
        +200ms >  .  1:989(988) ack 1                   # RTO
        +20ms  <  .  1:1(0) ack 1977 <TS val 340 ecr 40>
        +1ms   <  .  1:1(0) ack 9881 <TS val 341 ecr 40>
        +10s   nothing
    """)
    k = s.stack.counters
    assert (k.retransmission_timeouts, k.spurious_recoveries) == (1, 1)
    assert s.c.congestion.cwnd >= 20_000 and s.c.congestion.ssthresh > 1 << 20


@pytest.mark.rfc("3522:3.2")
def test_a_timeout_that_was_needed(script_with: Open) -> None:
    s = opened(script_with, STAMPED)
    s.script(f"""
        send {3 * MSS}
        +0     >  P. 1:2965(2964) ack 1
        +80ms  >  .  1977:2965(988) ack 1
        +200ms >  .  1:989(988) ack 1
        +40ms  <  .  1:1(0) ack 989 <TS val 360 ecr 320>
        ignore
    """)
    assert s.stack.counters.spurious_recoveries == 0
    assert s.c.congestion.ssthresh < 10_000


@pytest.mark.rfc("3522:3.2")
@pytest.mark.rfc("9438:4.9.2")
@pytest.mark.case("case-18")
def test_a_fast_retransmit_of_what_was_only_late(script_with: Open) -> None:
    s = opened(script_with, STAMPED)
    s.script(f"""
        send {6 * MSS}
        +0    >  P. 1:5929(5928) ack 1
        +40ms <  .  1:1(0) ack 1 <TS val 81 ecr 40,sack {{989:4941}}>
        +0    >  .  1:989(988) ack 1
        +2ms  <  .  1:1(0) ack 4941 <TS val 81 ecr 40>
        +1ms  <  .  1:1(0) ack 5929 <TS val 84 ecr 40>
        +10s  nothing
    """)
    assert s.stack.counters.spurious_recoveries == 1
    assert s.c.congestion.cwnd >= 9_880 and s.c.congestion.ssthresh > 1 << 20


@pytest.mark.rfc("3708:3")
@pytest.mark.rfc("9438:4.9.2")
def test_dsacks_of_all_retransmissions_undo_a_recovery_that_is_over(script_with: Open) -> None:
    """Without timestamps: the peer tells a round trip later that it has everything twice."""
    s = opened(script_with, SACK)
    s.script("""
        send 8000
        +0    >  P. 1:8001(8000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {2001:8001}>
        +0    >  .  1:2001(2000) ack 1
        +2ms  <  .  1:1(0) ack 8001
    """)
    reduced = s.c.congestion.ssthresh
    s.script("+38ms < . 1:1(0) ack 8001 <sack {1:1001}>")
    assert s.c.congestion.ssthresh == reduced < 10_000
    s.script("+0 < . 1:1(0) ack 8001 <sack {1001:2001}>")
    assert s.stack.counters.spurious_recoveries == 1
    assert s.c.congestion.cwnd >= 10_000 and s.c.congestion.ssthresh > 1 << 20


def test_a_dsack_of_some_is_not_enough(script_with: Open) -> None:
    s = opened(script_with, SACK)
    s.script("""
        send 8000
        +0    >  P. 1:8001(8000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {2001:8001}>
        +0    >  .  1:2001(2000) ack 1
        +40ms <  .  1:1(0) ack 8001 <sack {1:1001}>
        send 1000
        ignore
        +40ms <  .  1:1(0) ack 9001
        +0    <  .  1:1(0) ack 9001 <sack {1001:2001}>    # too late to be of it
    """)
    assert s.stack.counters.spurious_recoveries == 0


def paused(script_with: Open, tcp: TcpConfig) -> Scripted:
    """Without timestamps: 8 of 20 segments are in flight, and the timer has expired for the first."""
    s = opened(script_with, tcp)
    s.c.congestion.cwnd = 8_000
    s.script("""
        send 20000
        +0     >  .  1:8001(8000) ack 1
    """)
    if tcp.sack:
        s.script("+80ms  >  .  8001:9001(1000) ack 1")  # the tail loss probe
    s.script("+200ms >  .  1:1001(1000) ack 1")
    return s


@pytest.mark.rfc("5682:2.1")
@pytest.mark.rfc("5682:3.1")
@pytest.mark.parametrize("sack", [True, False])
def test_a_timeout_that_two_new_segments_show_to_be_needless(script_with: Open, sack: bool) -> None:
    s = paused(script_with, replace(SACK, sack=sack))
    new = 9001 if sack else 8001
    s.script(f"""
        +20ms <  .  1:1(0) ack 1001
        +0    >  .  {new}:{new + 2000}(2000) ack 1      # and no retransmission
        +1ms  <  .  1:1(0) ack 2001
        ignore
    """)
    k = s.stack.counters
    assert (k.retransmission_timeouts, k.spurious_recoveries) == (1, 1)
    assert s.c.congestion.cwnd >= 8_000 and s.c.congestion.ssthresh > 1 << 20
    assert s.c.flight.lost_bytes == 0 and s.c.retransmitted_segments == 1


@pytest.mark.rfc("5682:2.1")
@pytest.mark.rfc("5682:3.1")
@pytest.mark.parametrize("sack", [True, False])
def test_a_timeout_that_was_needed_goes_on_with_retransmissions(script_with: Open, sack: bool) -> None:
    s = paused(script_with, replace(SACK, sack=sack))
    new = 9001 if sack else 8001
    block = f" <sack {{{new}:{new + 1000}}}>" if sack else ""
    s.script(f"""
        +20ms <  .  1:1(0) ack 1001
        +0    >  .  {new}:{new + 2000}(2000) ack 1
        +40ms <  .  1:1(0) ack 1001{block}
        +0    >  .  1001:2001(1000) ack 1
    """)
    assert s.stack.counters.spurious_recoveries == 0
    assert s.c.congestion.ssthresh < 8_000 and s.c.congestion.cwnd <= 3_000


@pytest.mark.rfc("5682:2.1")
def test_a_timeout_without_new_data_goes_on_at_once(script_with: Open) -> None:
    s = opened(script_with, replace(SACK, sack=False))
    s.script("""
        send 8000
        +0     >  P. 1:8001(8000) ack 1
        +200ms >  .  1:1001(1000) ack 1
        +20ms  <  .  1:1(0) ack 1001
        +0     >  .  1001:3001(2000) ack 1
    """)
