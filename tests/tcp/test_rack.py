"""RFC 8985: losses found by time, and the probe for those at the tail. The round trip takes 40 ms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]
SACK = TcpConfig(window_scale=False, timestamps=False)


def opened(script_with: Open, tcp: TcpConfig = SACK, cwnd: int = 0) -> Scripted:
    """ESTABLISHED, MSS 1,000, one RTT sample of 40 ms: RTO 200 ms, min_RTT / 4 is 10 ms, PTO 80 ms."""
    s = script_with(tcp)
    s.script("""
        listen
        <  S  0:0(0) win 65535 <mss 1000,sackOK>
        ignore
        +40ms <  .  1:1(0) ack 1
        accept
    """)
    if cwnd:
        s.c.congestion.cwnd = cwnd
    s.trace.clear()
    return s


@pytest.fixture
def s(script_with: Open) -> Scripted:
    return opened(script_with)


@pytest.mark.rfc("8985:6.2")
def test_three_sacked_segments_without_reordering_seen_mark_a_loss_at_once(s: Scripted) -> None:
    s.script("""
        send 5000
        +0    >  P. 1:5001(5000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {1001:2001}>
        +0    <  .  1:1(0) ack 1 <sack {1001:3001}>
        nothing
        +0    <  .  1:1(0) ack 1 <sack {1001:4001}>
        +0    >  .  1:1001(1000) ack 1
        +40ms <  .  1:1(0) ack 5001
    """)
    assert s.stack.counters.fast_recoveries == 1


@pytest.mark.rfc("8985:6.2")
def test_one_sacked_segment_is_enough_after_a_quarter_of_min_rtt(s: Scripted) -> None:
    """A flight of two, where three duplicate ACKs will never come."""
    s.script("""
        send 2000
        +0    >  P. 1:2001(2000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {1001:2001}>
        +10ms >  .  1:1001(1000) ack 1
        +40ms <  .  1:1(0) ack 2001
        +10s  nothing
    """)
    assert s.stack.counters.retransmission_timeouts == 0


@pytest.mark.rfc("8985:6.2")
@pytest.mark.case("case-18")
def test_what_arrives_within_the_reordering_window_is_not_lost(s: Scripted) -> None:
    s.script("""
        send 2000
        +0    >  P. 1:2001(2000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {1001:2001}>
        +9ms  <  .  1:1(0) ack 2001
        +10s  nothing
    """)
    assert s.c.retransmitted_segments == 0


@pytest.mark.rfc("8985:6.2")
def test_once_reordering_was_seen_many_sacked_segments_do_not_hurry(s: Scripted) -> None:
    s.script("""
        send 2000
        +0    >  P. 1:2001(2000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {1001:2001}>
        +0    <  .  1:1(0) ack 2001
        send 8000
        +0    >  P. 2001:10001(8000) ack 1
        +40ms <  .  1:1(0) ack 2001 <sack {3001:9001}>
        nothing
        +9ms  <  .  1:1(0) ack 10001
        nothing
    """)
    assert s.c.recovery.rack is not None and s.c.recovery.rack.reordering_seen


@pytest.mark.rfc("8985:6.2")
def test_a_dsack_widens_the_window(s: Scripted) -> None:
    """The peer tells that our retransmission was needless: next time we wait for two quarters of min_RTT."""
    s.script("""
        send 2000
        +0    >  P. 1:2001(2000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {1001:2001}>
        +10ms >  .  1:1001(1000) ack 1
        +1ms  <  .  1:1(0) ack 2001               # the first transmission, late
        +40ms <  .  1:1(0) ack 2001 <sack {1:1001}>
        send 2000
        +0    >  P. 2001:4001(2000) ack 1
        +40ms <  .  1:1(0) ack 2001 <sack {3001:4001}>
        +20ms >  .  2001:3001(1000) ack 1
        +40ms <  .  1:1(0) ack 4001
    """)


@pytest.mark.rfc("8985:6.2")
def test_duplicates_that_the_network_made_change_nothing(s: Scripted) -> None:
    s.script("""
        send 2000
        +0    >  P. 1:2001(2000) ack 1
        +40ms <  .  1:1(0) ack 2001
        +0    <  .  1:1(0) ack 2001 <sack {1:1001}>
        send 2000
        +0    >  P. 2001:4001(2000) ack 1
        +40ms <  .  1:1(0) ack 2001 <sack {3001:4001}>
        +10ms >  .  2001:3001(1000) ack 1
        +40ms <  .  1:1(0) ack 4001
    """)


@pytest.mark.rfc("8985:3.1")
@pytest.mark.rfc("5681:4.3")
def test_a_lost_retransmission_is_found_by_what_was_sent_after_it(script_with: Open) -> None:
    """And is a second indication of congestion (RFC 5681 4.3)."""
    s = opened(script_with)
    s.script("""
        send 12000
        +0    >  .  1:10001(10000) ack 1
        +40ms <  .  1:1(0) ack 1 <sack {1001:9001}>
        +0    >  .  1:1001(1000) ack 1
        +1ms  <  .  1:1(0) ack 1 <sack {1001:10001}>
        ignore
    """)
    first = s.c.congestion.ssthresh
    assert s.c.flight.nxt > 10_000  # new data was sent after the retransmission
    s.script(f"""
        +41ms <  .  1:1(0) ack 1 <sack {{1001:{s.c.flight.nxt + 1}}}>
        +0    >  .  1:1001(1000) ack 1
        ignore
    """)
    assert s.c.congestion.ssthresh < first
    assert s.stack.counters.retransmission_timeouts == 0
    assert s.stack.counters.fast_recoveries == 1


@pytest.mark.rfc("8985:6.3")
def test_a_timeout_marks_the_first_segment_and_what_is_overdue(s: Scripted) -> None:
    s.script("""
        send 2000
        +0     >  P. 1:2001(2000) ack 1
        +80ms  >  P. 1001:2001(1000) ack 1        # the probe; the timeout begins anew
        +195ms nothing
        send 1000
        +0     >  P. 2001:3001(1000) ack 1
        +5ms   >  .  1:1001(1000) ack 1           # RTO; what left 5 ms ago is not lost
        +40ms  <  .  1:1(0) ack 3001
        +10s   nothing
    """)


@pytest.mark.rfc("8985:7.2")
@pytest.mark.rfc("8985:7.3")
@pytest.mark.case("case-17")
def test_the_probe_repeats_the_last_segment_after_two_round_trips(s: Scripted) -> None:
    s.script("""
        send 3000
        +0     >  P. 1:3001(3000) ack 1
        +40ms  <  .  1:1(0) ack 1001
        +80ms  >  .  2001:3001(1000) ack 1
        +40ms  <  .  1:1(0) ack 1001 <sack {2001:3001}>
        +0     >  .  1001:2001(1000) ack 1        # the probe made the loss known, and it is overdue
        +40ms  <  .  1:1(0) ack 3001
        +10s   nothing
    """)
    assert s.stack.counters.loss_probes == 1
    assert s.stack.counters.retransmission_timeouts == 0


@pytest.mark.rfc("8985:7.2")
def test_a_single_segment_leaves_the_peer_time_for_a_delayed_ack(s: Scripted) -> None:
    """2 SRTT + 200 ms is beyond the RTO: the probe leaves in its place, and the timeout begins anew."""
    s.script("""
        send 1000
        +0     >  P. 1:1001(1000) ack 1
        +200ms >  P. 1:1001(1000) ack 1
        +200ms >  P. 1:1001(1000) ack 1
    """)
    assert (s.stack.counters.loss_probes, s.stack.counters.retransmission_timeouts) == (1, 1)


@pytest.mark.rfc("8985:7.3")
def test_the_probe_is_new_data_where_there_is_some(s: Scripted) -> None:
    """Beyond cwnd, but not beyond the peer's window."""
    s.script("""
        send 11000
        +0    >  .  1:10001(10000) ack 1
        +80ms >  P. 10001:11001(1000) ack 1
        +40ms <  .  1:1(0) ack 11001
        +10s  nothing
    """)
    assert s.stack.counters.loss_probes == 1


@pytest.mark.rfc("8985:7.3")
def test_there_is_one_probe_at_a_time(s: Scripted) -> None:
    s.script("""
        send 11000
        +0     >  .  1:10001(10000) ack 1
        +80ms  >  P. 10001:11001(1000) ack 1
        +40ms  <  .  1:1(0) ack 2001
        +199ms nothing
        +1ms   >  .  2001:3001(1000) ack 1        # RTO
        ignore
    """)


@pytest.mark.rfc("8985:7.3")
def test_the_probe_of_a_fin(s: Scripted) -> None:
    s.script("""
        send 1500
        +0    >  P. 1:1501(1500) ack 1
        shutdown
        +0    >  F. 1501:1501(0) ack 1
        +80ms >  F. 1501:1501(0) ack 1
        +40ms <  .  1:1(0) ack 1502
        state FIN_WAIT_2
    """)


@pytest.mark.rfc("8985:7.4")
def test_a_loss_that_the_probe_repaired_counts_as_congestion(s: Scripted) -> None:
    s.script("""
        send 3000
        +0     >  P. 1:3001(3000) ack 1
        +40ms  <  .  1:1(0) ack 2001
        send 1000
        +0     >  P. 3001:4001(1000) ack 1
        +80ms  >  P. 3001:4001(1000) ack 1
        +40ms  <  .  1:1(0) ack 4001
        send 1000
        ignore
        +40ms  <  .  1:1(0) ack 5001
    """)
    assert s.c.congestion.cwnd < 10_000
    assert s.c.congestion.ssthresh == 2_000


@pytest.mark.rfc("8985:7.4")
@pytest.mark.parametrize("options", ["<sack {2001:3001}>", ""], ids=["DSACK", "duplicate ACK"])
def test_a_needless_probe_is_no_congestion(s: Scripted, options: str) -> None:
    s.script(f"""
        send 3000
        +0     >  P. 1:3001(3000) ack 1
        +80ms  >  .  2001:3001(1000) ack 1
        +1ms   <  .  1:1(0) ack 3001              # late, but all of it
        send 1000
        +0     >  P. 3001:4001(1000) ack 1
        +39ms  <  .  1:1(0) ack 3001 {options}
        +1ms   <  .  1:1(0) ack 4001
    """)
    assert s.c.congestion.ssthresh > 1 << 20
    assert s.c.recovery.rack is not None and s.c.recovery.rack._reo_wnd_mult == 1


def test_no_probe_into_a_closed_window(s: Scripted) -> None:
    s.script("""
        send 3000
        +0     >  P. 1:3001(3000) ack 1
        +40ms  <  .  1:1(0) ack 1001 win 0
        +199ms nothing
        +1ms   >  .  1001:1002(1) ack 1           # persist
        +0     <  .  1:1(0) ack 3001 win 5000
    """)
    assert s.stack.counters.loss_probes == 0


def test_the_switch(script_with: Open) -> None:
    s = opened(script_with, replace(SACK, rack=False))
    s.script("""
        send 2000
        +0     >  P. 1:2001(2000) ack 1
        +40ms  <  .  1:1(0) ack 1 <sack {1001:2001}>
        +160ms >  .  1:1001(1000) ack 1
        +40ms  <  .  1:1(0) ack 2001
    """)
    assert s.stack.counters.loss_probes == 0


@pytest.mark.parametrize("tick_ms", [15, 1])
@pytest.mark.case("report-1")
def test_a_coarse_clock_does_not_make_losses_of_reordering(script_with: Open, tick_ms: int) -> None:
    """Round trips shorter than a tick look like 0 ms, and so would every reordering window of theirs."""
    s = script_with(replace(SACK, clock_granularity=tick_ms * 1_000))
    s.script("listen\n< S 0:0(0) <mss 1000,sackOK>\nignore\n< . 1:1(0) ack 1\naccept")
    for at in range(1, 200_001, 2000):
        s.script(f"""
            send 2000
            ignore
            +0 <  .  1:1(0) ack {at} <sack {{{at + 1000}:{at + 2000}}}>
            +0 <  .  1:1(0) ack {at + 2000}
            +{tick_ms}ms nothing
        """)
    assert s.c.retransmitted_segments == 0
    assert s.c.congestion.cwnd >= 10_000
