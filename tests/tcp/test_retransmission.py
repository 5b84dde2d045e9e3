"""RFC 6298, RFC 5681, RFC 6582 and RFC 6675: what is sent again, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.script import LOCAL, Scripted

Open = Callable[..., Scripted]
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)


@pytest.mark.rfc("6298:5.5")
@pytest.mark.rfc("9293:MUST-18")
@pytest.mark.rfc("9293:MUST-19")
def test_the_timeout_doubles_and_stays_doubled_until_a_sample(established: Scripted) -> None:
    established.script("""
        send 1000
        +0     >  P. 1:1001(1000) ack 1
        +200ms >  P. 1:1001(1000) ack 1
        +400ms >  P. 1:1001(1000) ack 1
        +800ms >  P. 1:1001(1000) ack 1
        +0     <  .  1:1(0) ack 1001          # of which transmission? no sample (Karn)
        send 1000
        +0     >  P. 1001:2001(1000) ack 1
        +1600ms > P. 1001:2001(1000) ack 1
        +0     <  .  1:1(0) ack 2001
        send 1000
        +0     >  P. 2001:3001(1000) ack 1
        +0     <  .  1:1(0) ack 3001          # sent once: a sample
        send 1000
        +0     >  P. 3001:4001(1000) ack 1
        +200ms >  P. 3001:4001(1000) ack 1
    """)


def test_an_rtt_that_grows_beyond_the_timeout_is_learnt(established: Scripted) -> None:
    """Without Karn's back-off every segment would be sent twice for ever."""
    s, sent = established, 1
    for _ in range(12):
        s.script(f"send 1000\nignore\n+700ms ignore\n< . 1:1(0) ack {sent + 1000}\nignore")
        sent += 1000
    before = s.c.retransmitted_segments
    s.script(f"send 1000\nignore\n+700ms ignore\n< . 1:1(0) ack {sent + 1000}")
    assert s.c.retransmitted_segments == before
    assert s.c.rtt.srtt > 400_000


def test_a_timestamp_settles_karns_doubt(with_timestamps: Scripted) -> None:
    with_timestamps.script("""
        send 988
        +0     >  P. 1:989(988) ack 1
        +200ms >  P. 1:989(988) ack 1
        +0     <  .  1:1(0) ack 989           # echoes the second transmission: RTT 0
        send 988
        +0     >  P. 989:1977(988) ack 1
        +200ms >  P. 989:1977(988) ack 1
        +0     <  .  1:1(0) ack 1977
    """)


@pytest.mark.rfc("6298:5.3")
@pytest.mark.case("report-23")
def test_new_acks_restart_the_timer(established: Scripted) -> None:
    established.script("""
        send 3000
        +0     >  P. 1:3001(3000) ack 1
        +150ms <  .  1:1(0) ack 1001
        +150ms <  .  1:1(0) ack 2001
    """)
    assert established.c.retransmitted_segments == 0
    established.script("""
        +0 < . 1:1(0) ack 3001
        +10s nothing                           # RFC 6298 5.2: nothing outstanding, no timer
    """)


@pytest.mark.rfc("9293:MUST-20")
@pytest.mark.rfc("9293:SHLD-11")
def test_an_unanswering_peer_is_given_up_after_the_user_timeout(established: Scripted) -> None:
    established.script("""
        send 1000
        +179s ignore
        state ESTABLISHED
        +61s ignore
        state CLOSED
        events Reset Closed
    """)
    assert established.stack.counters.timed_out == 1


@pytest.mark.rfc("9293:SHLD-9")
@pytest.mark.rfc("9293:SHLD-10")
def test_who_asks_is_told_of_trouble_from_the_third_retransmission_on(established: Scripted) -> None:
    established.script("send 1000\n> P. 1:1001(1000) ack 1")
    for wait in ("+200ms", "+400ms"):
        established.script(f"{wait} > . 1:1001(1000) ack 1")
        assert established.c.trouble(established.now) == ""
    established.script("+800ms > . 1:1001(1000) ack 1")
    established.advance(8_600_000)
    assert established.c.trouble(established.now) == "no answer for 10 s"
    established.script("ignore\n< . 1:1(0) ack 1001")
    assert established.c.trouble(established.now) == ""
    established.script("+60s send 1000\nignore")
    assert established.c.trouble(established.now) == ""


def test_a_closed_window_is_told_as_what_it_is(established: Scripted) -> None:
    established.script("< . 1:1(0) ack 1 win 0\nsend 1000\n+10s ignore")
    assert established.c.trouble(established.now) == "the peer's window is 0 bytes"


@pytest.mark.rfc("9293:MUST-19")
@pytest.mark.rfc("5681:3.1")
def test_after_a_timeout_one_segment_leaves_then_slow_start(established: Scripted) -> None:  # RFC 5681 3.1
    established.script("""
        send 10000
        +0     >  P. 1:10001(10000) ack 1
        +200ms >  .  1:1001(1000) ack 1
        +0     <  .  1:1(0) ack 1001
        +0     >  .  1001:3001(2000) ack 1
        +0     <  .  1:1(0) ack 3001
        +0     >  .  3001:7001(4000) ack 1
        +0     <  .  1:1(0) ack 10001          # the rest had arrived
        nothing
    """)


@pytest.mark.rfc("5681:3.1")
def test_a_second_timeout_goes_back_to_one_segment(established: Scripted) -> None:  # RFC 5681 3.1
    established.script("""
        send 10000
        +0     >  P. 1:10001(10000) ack 1
        +200ms >  .  1:1001(1000) ack 1
        +0     <  .  1:1(0) ack 1001
        +0     >  .  1001:3001(2000) ack 1
        +400ms >  .  1001:2001(1000) ack 1
        +0     <  .  1:1(0) ack 10001
    """)


@pytest.mark.rfc("5681:3.2")
def test_three_duplicate_acks_retransmit_without_sack(established: Scripted) -> None:  # RFC 5681 3.2
    established.script("""
        send 10000
        +0 >  P. 1:10001(10000) ack 1
        +0 <  .  1:1(0) ack 1
        +0 <  .  1:1(0) ack 1
        nothing
        +0 <  .  1:1(0) ack 1
        +0 >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 10001
        nothing
    """)
    assert established.stack.counters.fast_recoveries == 1
    assert established.stack.counters.retransmission_timeouts == 0


@pytest.mark.rfc("3042:2")
def test_limited_transmit(established: Scripted) -> None:  # RFC 3042
    established.script("""
        send 12000
        +0 >  .  1:10001(10000) ack 1
        +0 <  .  1:1(0) ack 1
        +0 >  .  10001:11001(1000) ack 1
        +0 <  .  1:1(0) ack 1
        +0 >  P. 11001:12001(1000) ack 1
        +0 <  .  1:1(0) ack 1
        +0 >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 12001
    """)


@pytest.mark.rfc("6582:3.2")
def test_a_partial_ack_names_the_next_hole(established: Scripted) -> None:  # RFC 6582 3.2
    established.script("""
        send 10000
        +0 >  P. 1:10001(10000) ack 1
        +0 <  .  1:1(0) ack 1
        +0 <  .  1:1(0) ack 1
        +0 <  .  1:1(0) ack 1
        +0 >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 4001
        +0 >  .  4001:5001(1000) ack 1
        +0 <  .  1:1(0) ack 7001
        +0 >  .  7001:8001(1000) ack 1
        +0 <  .  1:1(0) ack 10001
        nothing
    """)
    assert established.stack.counters.fast_recoveries == 1


def test_duplicate_acks_of_our_own_retransmissions_start_nothing(established: Scripted) -> None:
    """RFC 6582 3.2 step 2: the acknowledgment must cover more than `recover`."""
    established.script("""
        send 10000
        +0     >  P. 1:10001(10000) ack 1
        +200ms >  .  1:1001(1000) ack 1
        +0     <  .  1:1(0) ack 10001          # all had arrived, the ACKs were late
        send 5000
        ignore
        +0     <  .  1:1(0) ack 10001
        +0     <  .  1:1(0) ack 10001
        +0     <  .  1:1(0) ack 10001
        ignore
    """)
    assert established.stack.counters.fast_recoveries == 0


@pytest.mark.rfc("5681:2")
def test_window_updates_and_data_are_no_duplicate_acks(established: Scripted) -> None:  # RFC 5681 2
    established.script("""
        send 2000
        +0 >  P. 1:2001(2000) ack 1
        +0 <  .  1:1(0) ack 1 win 60000
        +0 <  .  1:1(0) ack 1 win 50000
        +0 <  .  1:1(0) ack 1 win 40000
        +0 <  P. 1:11(10) ack 1 win 40000
        +0 <  P. 11:21(10) ack 1 win 40000
        +0 <  P. 21:31(10) ack 1 win 40000
        +40ms >  .  2001:2001(0) ack 31
        +0 <  .  31:31(0) ack 2001
    """)
    assert established.c.retransmitted_segments == 0


@pytest.mark.rfc("6675:4")
def test_sack_of_more_than_two_segments_marks_a_loss(with_rfc6675: Scripted) -> None:  # RFC 6675 4
    with_rfc6675.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {1001:2001}>
        +0 <  .  1:1(0) ack 1 <sack {1001:3001}>
        nothing
        +0 <  .  1:1(0) ack 1 <sack {1001:4001}>
        +0 >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 5001
    """)
    assert with_rfc6675.stack.counters.fast_recoveries == 1


def test_three_runs_of_sacked_bytes_mark_a_loss(with_rfc6675: Scripted) -> None:
    """DupThresh discontiguous ranges, however small: peers with small segments."""
    with_rfc6675.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {1001:1101}>
        +0 <  .  1:1(0) ack 1 <sack {1201:1301}{1001:1101}>
        nothing
        +0 <  .  1:1(0) ack 1 <sack {1401:1501}{1201:1301}{1001:1101}>
        +0 >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 5001
    """)


def test_all_holes_are_sent_again_and_nothing_else(with_sack: Scripted) -> None:
    with_sack.script("""
        send 10000
        +0 >  P. 1:10001(10000) ack 1
        +0 <  .  1:1(0) ack 1001 <sack {2001:3001}{4001:10001}>
        +0 >  .  1001:2001(1000) ack 1
        +0 >  .  3001:4001(1000) ack 1
        +0 <  .  1:1(0) ack 10001
        nothing
    """)


def test_a_lost_retransmission_waits_for_the_timer(with_sack: Scripted) -> None:
    with_sack.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {1001:5001}>
        +0 >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {1001:5001}>
        nothing
        +200ms >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 5001
        nothing
    """)


def test_what_is_sacked_is_not_sent_again_after_a_timeout(with_rfc6675: Scripted) -> None:  # RFC 6675 5.1
    with_rfc6675.script("""
        send 3000
        +0 >  P. 1:3001(3000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {1001:2001}>
        +200ms >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 2001
        +0 >  .  2001:3001(1000) ack 1
        +0 <  .  1:1(0) ack 3001
    """)


@pytest.mark.case("case-11")
def test_a_reneging_peer_gets_everything_again(with_sack: Scripted) -> None:  # RFC 2018 8
    with_sack.script("""
        send 3000
        +0 >  P. 1:3001(3000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {1001:3001}>
        +0 <  .  1:1(0) ack 1001               # and now it does not have the rest
        +200ms >  .  1001:2001(1000) ack 1
        +0 <  .  1:1(0) ack 2001
        +0 >  .  2001:3001(1000) ack 1
        +0 <  .  1:1(0) ack 3001
    """)


@pytest.mark.parametrize(
    "blocks",
    [
        "{-5000:-4000}",  # below SND.UNA: a DSACK
        "{1:1001}",  # begins at SND.UNA: it would have been acknowledged
        "{5001:6001}",  # never sent
        "{4001:5002}",  # partly never sent
        "{3001:2001}",  # reversed
        "{2001:2001}",  # empty
        "{-2000000000:2000000000}",
        "{2147483600:2147483700}",
    ],
)
@pytest.mark.case("case-11")
def test_crafted_sack_blocks_are_ignored(with_sack: Scripted, blocks: str) -> None:
    with_sack.script(f"""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {blocks}>
        nothing
    """)
    assert with_sack.c.flight.sacked_bytes == 0
    with_sack.script("+0 < . 1:1(0) ack 5001")


def test_sack_blocks_without_sack_permitted_are_ignored(established: Scripted) -> None:
    established.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {1001:5001}>
        nothing
        +0 <  .  1:1(0) ack 5001
    """)


@pytest.mark.case("case-11")
def test_one_byte_sack_blocks_cannot_grow_the_scoreboard_without_bound(open_with: Open) -> None:
    s = open_with(
        replace(PLAIN, sack=True, window_scale=True), options="mss 1000,sackOK,wscale 5", win=32_768
    )
    s.c.congestion.cwnd = 1 << 20
    s.script("send 100000\nignore")
    for at in range(0, 6_400, 8):
        blocks = "".join(f"{{{left}:{left + 1}}}" for left in range(at + 3, at + 9, 2))
        s.inject(s.segment(f". 1:1(0) ack 1 win 32768 <sack {blocks}>"))
        s.take()
    assert 2000 < sum(1 for _ in s.c.flight.ranges()) <= 2100
    s.script("+0 < . 1:1(0) ack 100001\nignore")
    assert not s.c.flight


@pytest.mark.case("report-7")
def test_acks_in_the_middle_of_our_pieces(established: Scripted) -> None:
    """A peer's ACKs follow its own idea of segments: all accounting is in bytes."""
    established.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1501
        +0 <  .  1:1(0) ack 3334
        nothing
        +200ms >  .  3334:4334(1000) ack 1
        +0 <  .  1:1(0) ack 4000
        +0 >  .  4334:5001(667) ack 1
        +0 <  .  1:1(0) ack 5001
        nothing
    """)


@pytest.mark.case("report-8")
def test_a_retransmitted_super_segment_starts_no_second_recovery(with_sack: Scripted) -> None:
    """The peer's ACKs of its pieces arrive one by one; none of them is news of a loss."""
    with_sack.script("""
        send 10000
        +0 >  P. 1:10001(10000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {3001:10001}>
        +0 >  .  1:3001(3000) ack 1
        +0 <  .  1:1(0) ack 1001 <sack {3001:10001}>
        +0 <  .  1:1(0) ack 2001 <sack {3001:10001}>
        +0 <  .  1:1(0) ack 10001
        nothing
    """)
    assert with_sack.stack.counters.fast_recoveries == 1
    assert with_sack.c.retransmitted_segments == 3


@pytest.mark.case("case-8")
def test_our_sequence_numbers_wrap_with_sack_blocks_across_it() -> None:
    tcp = replace(PLAIN, sack=True, rack=False)
    probe = Scripted(StackConfig(LOCAL, mtu=1040, tcp=tcp))
    probe.script("listen\n< S 0:0(0) <mss 1000,sackOK>\nignore")
    assert probe.local_isn is not None
    # RFC 6528: the ISN grows by one every 4 us, so that some instant has the ISN we want
    s = Scripted(StackConfig(LOCAL, mtu=1040, tcp=tcp), now=4 * (2**32 - 2500 - probe.local_isn))
    s.script("""
        listen
        < S 0:0(0) <mss 1000,sackOK>
        ignore
        < . 1:1(0) ack 1
        accept
        send 6000
        +0 >  P. 1:6001(6000) ack 1
        +0 <  .  1:1(0) ack 1 <sack {2001:4001}{5001:6001}>
        +0 >  .  1:2001(2000) ack 1
        +0 <  .  1:1(0) ack 2001 <sack {2001:3001}>
        +0 <  .  1:1(0) ack 4001 <sack {5001:6001}>
        +200ms >  .  4001:5001(1000) ack 1
        +0 <  .  1:1(0) ack 6001
        nothing
    """)
    assert s.local_isn == 2**32 - 2500


def test_a_window_that_is_not_used_does_not_grow(established: Scripted) -> None:
    """RFC 9438 5.8, RFC 7661: the ACKs of a trickle say nothing about how much the path could take."""
    for at in range(1, 50_001, 1000):
        established.script(f"send 1000\nignore\n+1ms < . 1:1(0) ack {at + 1000}")
    assert established.c.congestion.cwnd == 10_000


def test_reno_halves_the_window(open_with: Open) -> None:
    s = open_with(replace(PLAIN, congestion_control="reno"))
    s.script("""
        send 10000
        ignore
        +0 <  .  1:1(0) ack 1
        +0 <  .  1:1(0) ack 1
        +0 <  .  1:1(0) ack 1
        ignore
        +0 <  .  1:1(0) ack 10001
    """)
    assert s.c.congestion.ssthresh == 5000 and s.c.congestion.cwnd <= 6000
