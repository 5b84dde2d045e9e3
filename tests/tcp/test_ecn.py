"""RFC 3168 6.1: marks in place of losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.stack.tcp.ecn import EcnMode
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]
ACCEPT = TcpConfig(window_scale=False, timestamps=False)
ON = replace(ACCEPT, ecn=EcnMode.ON)
OFF = replace(ACCEPT, ecn=EcnMode.OFF)


@pytest.fixture
def s(script_with: Open) -> Scripted:
    """ESTABLISHED with ECN, opened by the peer; MSS 1,000."""
    s = script_with(ACCEPT)
    s.script("""
        listen
        +0   <  SEW 0:0(0) win 65535 <mss 1000,sackOK>
        +0   >  S.E 0:0(0) ack 1
        +40ms <  .  1:1(0) ack 1
        accept
    """)
    return s


@pytest.mark.rfc("3168:6.1.1")
@pytest.mark.rfc("9293:SHLD-8")
def test_we_ask_when_told_to(script_with: Open) -> None:
    script_with(ON).script("""
        connect
        +0   >  SEW 0:0(0)
        +0   <  S.E 0:0(0) ack 1 <mss 1000,sackOK>
        +0   >  .   1:1(0) ack 1
        send 1000
        +0   >  [ECT] P. 1:1001(1000) ack 1
        +0   <  .   1:1(0) ack 1001
    """)


@pytest.mark.rfc("3168:6.1.1")
@pytest.mark.parametrize("answer", ["S.", "S.EW", "S.W"])
def test_a_peer_that_does_not_agree(script_with: Open, answer: str) -> None:
    script_with(ON).script(f"""
        connect
        +0   >  SEW 0:0(0)
        +0   <  {answer} 0:0(0) ack 1 <mss 1000,sackOK>
        +0   >  .   1:1(0) ack 1
        send 1000
        +0   >  P.  1:1001(1000) ack 1
        +0   <  .   1:1(0) ack 1001
    """)


@pytest.mark.rfc("3168:6.1.1.1")
def test_a_syn_that_is_not_answered_goes_without(script_with: Open) -> None:
    """And whatever the answer says then, nothing is sent as ECN-capable."""
    script_with(ON).script("""
        connect
        +0   >  SEW 0:0(0)
        +1s  >  S   0:0(0)
        +0   <  S.E 0:0(0) ack 1 <mss 1000,sackOK>
        +0   >  .   1:1(0) ack 1
        send 1000
        +0   >  P.  1:1001(1000) ack 1
        +0   <  .   1:1(0) ack 1001
    """)


@pytest.mark.rfc("3168:6.1.1")
@pytest.mark.parametrize("flags", ["SE", "SW", "S"])
def test_half_a_setup_is_none(script_with: Open, flags: str) -> None:
    script_with(ACCEPT).script(f"""
        listen
        +0   <  {flags} 0:0(0) win 65535 <mss 1000,sackOK>
        +0   >  S.  0:0(0) ack 1
    """)


def test_the_switch(script_with: Open) -> None:
    script_with(OFF).script("""
        listen
        +0   <  SEW 0:0(0) win 65535 <mss 1000,sackOK>
        +0   >  S.  0:0(0) ack 1
    """)


@pytest.mark.rfc("3168:6.1.3")
def test_a_mark_is_echoed_until_the_peer_says_that_it_slowed_down(s: Scripted) -> None:
    s.script("""
        +0    <  [CE] . 1:1001(1000) ack 1
        +0    >  .E  1:1(0) ack 1001
        +0    <  [ECT] . 1001:3001(2000) ack 1
        +0    >  .E  1:1(0) ack 3001
        send 1000
        +0    >  [ECT] P.E 1:1001(1000) ack 3001
        +0    <  [ECT] .W 3001:4001(1000) ack 1001
        +40ms >  .   1001:1001(0) ack 4001
    """)


@pytest.mark.rfc("3168:6.1.3")
def test_a_mark_on_the_segment_that_says_so_is_a_new_one(s: Scripted) -> None:
    s.script("""
        +0    <  [CE] . 1:1001(1000) ack 1
        +0    >  .E  1:1(0) ack 1001
        +0    <  [CE] .W 1001:3001(2000) ack 1
        +0    >  .E  1:1(0) ack 3001
    """)


@pytest.mark.rfc("3168:6.1.2")
@pytest.mark.rfc("3168:6.1.4")
@pytest.mark.rfc("9293:SHLD-8")
def test_an_echo_lowers_the_window_once_a_round_trip_and_nothing_is_sent_again(s: Scripted) -> None:
    s.script("""
        send 10000
        +0    >  [ECT] P. 1:10001(10000) ack 1
        +40ms <  .E  1:1(0) ack 2001
        +0    <  .E  1:1(0) ack 6001
    """)
    assert (s.c.congestion.cwnd, s.c.congestion.ssthresh) == (7000, 7000)
    s.script("""
        send 2000
        +0    >  [ECT] P.W 10001:12001(2000) ack 1       # CWR on the first new data, once
        send 1000
        +0    >  [ECT] P. 12001:13001(1000) ack 1
        +0    <  .E  1:1(0) ack 10001                    # not yet of what left after the reaction
    """)
    assert s.c.congestion.ssthresh == 7000
    s.script("+40ms < .E 1:1(0) ack 13001")
    assert s.c.congestion.ssthresh < 7000
    assert s.c.retransmitted_segments == 0


@pytest.mark.rfc("3168:6.1.5")
@pytest.mark.rfc("3168:6.1.4")
def test_retransmissions_and_pure_acks_are_not_ecn_capable(s: Scripted) -> None:
    s.script("""
        send 5000
        +0    >  [ECT] P. 1:5001(5000) ack 1
        +40ms <  .   1:1(0) ack 1 <sack {1001:5001}>
        +0    >  .   1:1001(1000) ack 1
        +40ms <  .   1:1(0) ack 5001
        send 1000
        +0    >  [ECT] P.W 5001:6001(1000) ack 1         # a loss lowered the window, too
        +40ms <  .   1:1(0) ack 6001
        +0    <  [ECT] . 1:2001(2000) ack 6001
        +0    >  .   6001:6001(0) ack 2001
    """)


@pytest.mark.rfc("3168:6.1.6")
def test_window_probes_are_not_ecn_capable(s: Scripted) -> None:
    s.script("""
        +0    <  .   1:1(0) ack 1 win 0
        send 1000
        +200ms >  .  1:2(1) ack 1
        +0    <  .   1:1(0) ack 1 win 0
    """)


def test_marks_without_an_agreement_mean_nothing(established: Scripted) -> None:
    established.script("""
        +0    <  [CE] . 1:2001(2000) ack 1
        +0    >  .   1:1(0) ack 2001
        send 1000
        +0    >  P.  1:1001(1000) ack 2001
        +0    <  .E  2001:2001(0) ack 1001
    """)
    assert established.c.congestion.ssthresh > 1 << 20
