"""RFC 9293 3.8.6: managing the window, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)
SMALL = replace(PLAIN, receive_buffer_bytes=2000)


@pytest.mark.rfc("9293:MUST-35")
@pytest.mark.rfc("9293:MUST-36")
@pytest.mark.rfc("9293:SHLD-29")
@pytest.mark.rfc("9293:SHLD-30")
def test_a_zero_window_is_probed_ever_more_slowly(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:1(0) ack 1 win 0
        send 1000
        nothing
        +200ms >  .  1:2(1) ack 1
        +0 <  .  1:1(0) ack 1 win 0
        +400ms >  .  1:2(1) ack 1
        +0 <  .  1:1(0) ack 1 win 0
        +800ms >  .  1:2(1) ack 1
        +0 <  .  1:1(0) ack 1 win 5000
        +0 >  .  1:2(1) ack 1             # refused before, so it is sent again at once
        +0 >  P. 2:1001(999) ack 1
        +0 <  .  1:1(0) ack 1001
        +10s nothing
    """)
    assert established.stack.counters.fast_recoveries == 0
    assert established.c.congestion.cwnd >= 10_000


def test_the_peer_takes_the_probe_byte(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:1(0) ack 1 win 0
        send 10
        +200ms >  .  1:2(1) ack 1
        +0 <  .  1:1(0) ack 2 win 0
        +200ms >  .  2:3(1) ack 1
        +0 <  .  1:1(0) ack 3 win 1000
        +0 >  P. 3:11(8) ack 1
        +0 <  .  1:1(0) ack 11
    """)


@pytest.mark.case("case-12")
def test_the_opening_ack_is_lost_and_a_probe_finds_out(established: Scripted) -> None:
    established.script("""
        send 1000
        +0 >  P. 1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 1001 win 0
        send 1000
        nothing
        +200ms >  .  1001:1002(1) ack 1
        +0 <  .  1:1(0) ack 1002 win 8000
        +0 >  P. 1002:2001(999) ack 1
        +0 <  .  1:1(0) ack 2001
    """)


@pytest.mark.rfc("9293:MUST-37")
@pytest.mark.case("case-12")
def test_a_peer_that_answers_probes_may_stay_shut_for_hours(established: Scripted) -> None:
    established.script("+0 < . 1:1(0) ack 1 win 0\nsend 1000")
    for _ in range(60 * 12):
        established.script("+60s ignore\n< . 1:1(0) ack 1 win 0\nignore")
    established.script("state ESTABLISHED\nevents")


def test_a_peer_that_does_not_answer_probes_is_given_up(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:1(0) ack 1 win 0
        send 1000
        +179s ignore
        state ESTABLISHED
        +61s ignore
        state CLOSED
        events Reset Closed
    """)


@pytest.mark.rfc("9293:MUST-34")
@pytest.mark.case("case-12")
def test_the_window_closes_over_data_in_flight(established: Scripted) -> None:
    """RFC 9293 3.8.6: a shrinking window; what is old may be sent again, and the connection lives."""
    established.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1001 win 0
        +200ms >  .  1001:1002(1) ack 1
        +0 <  .  1:1(0) ack 1001 win 0
        +400ms >  .  1001:1002(1) ack 1
        +0 <  .  1:1(0) ack 1001 win 8000
        +0 >  .  1001:1002(1) ack 1
        +0 >  .  1002:5001(3999) ack 1
        +0 <  .  1:1(0) ack 5001
        nothing
    """)


@pytest.mark.rfc("9293:MUST-34")
@pytest.mark.rfc("9293:SHLD-15")
@pytest.mark.rfc("9293:SHLD-16")
@pytest.mark.rfc("9293:MAY-7")
@pytest.mark.case("case-12")
def test_a_window_that_shrinks_below_the_flight(established: Scripted) -> None:
    established.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1001 win 1000
        send 1000
        nothing                            # SHLD-15: nothing new beyond the edge
        +200ms >  .  1001:2001(1000) ack 1
        +0 <  .  1:1(0) ack 5001 win 8000
        +0 >  P. 5001:6001(1000) ack 1
        +0 <  .  1:1(0) ack 6001
    """)


def test_acks_stay_acceptable_when_the_peers_window_shrank(established: Scripted) -> None:
    established.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1001 win 1000
        +0 <  .  1:1001(1000) ack 1001 win 1000
        +0 <  .  1001:2001(1000) ack 1001 win 1000
        +0 >  .  2001:2001(0) ack 2001
        ignore
    """)


def test_two_zero_windows_do_not_deafen_the_hosts(open_with: Open) -> None:
    """Both have a probe byte out; the one that opens must be heard by the one that is still shut."""
    s = open_with(SMALL)
    s.script("""
        +0 <  .  1:1001(1000) ack 1 win 0
        +0 <  .  1001:2001(1000) ack 1 win 0
        +0 >  .  1:1(0) ack 2001 win 0
        send 10
        +200ms >  .  1:2(1) ack 2001 win 0
        consume 2000
        +0 >  .  1:1(0) ack 2001 win 2000   # not 2:2, which the peer must drop
        +0 <  P. 2001:2011(10) ack 1 win 0
        +40ms >  .  1:1(0) ack 2011
        ignore
    """)


def test_we_hear_a_peer_that_has_filled_our_window(open_with: Open) -> None:
    """Its ACKs stand at the right edge while its first segment is missing."""
    s = open_with(SMALL)
    s.script("""
        send 1000
        +0 >  P. 1:1001(1000) ack 1
        +0 <  .  2001:2001(0) ack 1001
        nothing
    """)
    assert not s.c.flight


@pytest.mark.rfc("9293:MAY-8")
def test_a_probe_of_our_zero_window_is_answered(open_with: Open) -> None:
    s = open_with(SMALL)
    s.script("""
        +0 <  .  1:1001(1000) ack 1
        +0 <  .  1001:2001(1000) ack 1
        +0 >  .  1:1(0) ack 2001 win 0
        +1s <  .  2001:2002(1) ack 1
        +0 >  .  1:1(0) ack 2001 win 0
        +1h <  .  2001:2002(1) ack 1
        +0 >  .  1:1(0) ack 2001 win 0
        consume 2000
        +0 >  .  1:1(0) ack 2001 win 2000
        +0 <  P. 2001:2101(100) ack 1
        +40ms >  .  1:1(0) ack 2101 win 1900
    """)


@pytest.mark.rfc("9293:MUST-66")
def test_acks_and_rst_count_at_our_zero_window(open_with: Open) -> None:
    s = open_with(SMALL)
    s.script("""
        send 1000
        +0 >  P. 1:1001(1000) ack 1
        +0 <  .  1:2001(2000) ack 1
        +0 >  .  1001:1001(0) ack 2001 win 0
        +0 <  .  2001:2001(0) ack 1001
        nothing
        +0 <  R  2001:2001(0)
        state CLOSED
    """)


@pytest.mark.rfc("9293:MUST-39")
@pytest.mark.case("report-13")
def test_our_window_opens_by_worthwhile_steps_only(open_with: Open) -> None:
    s = open_with(replace(PLAIN, receive_buffer_bytes=4000))
    s.script("""
        +0 <  .  1:4001(4000) ack 1
        +0 >  .  1:1(0) ack 4001 win 0
        consume 500
        consume 500
        consume 500
        nothing
        consume 500
        +0 >  .  1:1(0) ack 4001 win 2000
        consume 1999
        nothing
    """)


def test_without_scaling_consume_does_not_send_an_ack_each_time(established: Scripted) -> None:
    """The buffer may be larger than 16 bits can tell."""
    s = established
    s.script("""
        +0 <  .  1:1001(1000) ack 1
        +0 <  .  1001:2001(1000) ack 1
        +0 >  .  1:1(0) ack 2001 win 65535
        consume 1000
        consume 1000
        nothing
    """)


@pytest.mark.rfc("9293:SHLD-14")
def test_the_right_edge_stays_when_the_user_does_not_read(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:2001(2000) ack 1
        +0 >  .  1:1(0) ack 2001 win 65535   # the buffer is 1 MiB: there is room to keep the window
    """)


@pytest.mark.rfc("9293:MUST-38")
def test_a_silly_window_is_not_used_until_the_override(established: Scripted) -> None:
    """RFC 9293 3.8.6.2.1: less than a segment and less than half the largest window; then what there is."""
    established.script("""
        +0 <  .  1:1(0) ack 1 win 500
        send 5000
        nothing
        +200ms >  .  1:501(500) ack 1
        +0 <  .  1:1(0) ack 501 win 2500
        +0 >  .  501:2501(2000) ack 1
        +0 <  .  1:1(0) ack 2501 win 3000
        +0 >  P. 2501:5001(2500) ack 1
        +0 <  .  1:1(0) ack 5001
    """)


@pytest.mark.case("report-6")
def test_a_peer_with_a_small_buffer_is_not_starved(open_with: Open) -> None:
    s = open_with(win=600)
    s.script("""
        send 1500
        +0 >  .  1:601(600) ack 1
        +0 <  .  1:1(0) ack 601
        +0 >  .  601:1201(600) ack 1
        +0 <  .  1:1(0) ack 1201
        +0 >  P. 1201:1501(300) ack 1
        +0 <  .  1:1(0) ack 1501
    """)


def test_half_of_the_largest_window_is_worth_sending(open_with: Open) -> None:
    """The largest so far, not that of the SYN: what was much once is silly now."""
    s = open_with(win=400)
    s.script("""
        +0 <  .  1:1(0) ack 1 win 900
        send 2000
        +0 >  .  1:901(900) ack 1
        +0 <  .  1:1(0) ack 901 win 449
        nothing
        +0 <  .  1:1(0) ack 901 win 450
        +0 >  .  901:1351(450) ack 1
        +0 <  .  1:1(0) ack 1351 win 900
        +0 >  P. 1351:2001(650) ack 1
        +0 <  .  1:1(0) ack 2001
    """)


def test_the_last_bytes_are_no_silly_window(established: Scripted) -> None:
    established.script("send 1\n+0 > P. 1:2(1) ack 1\nsend 1\n+0 > P. 2:3(1) ack 1\n< . 1:1(0) ack 3")


@pytest.mark.rfc("9293:MUST-17")
@pytest.mark.rfc("9293:SHLD-7")
def test_nagle_is_off_and_can_be_on(open_with: Open) -> None:
    s = open_with(replace(PLAIN, nagle=True))
    s.script("""
        send 10
        +0 >  P. 1:11(10) ack 1
        send 10
        nothing
        send 10
        +0 <  .  1:1(0) ack 11
        +0 >  P. 11:31(20) ack 1
        +0 <  .  1:1(0) ack 31
    """)


@pytest.mark.rfc("9293:REC-1")
@pytest.mark.rfc("7323:2.3")
def test_window_scaling_applies_after_the_handshake(with_scaling: Scripted) -> None:
    s = with_scaling
    s.script("+0 < . 1:1(0) ack 1 win 1000")
    assert s.c.tcb.snd_wnd == 4000
    s.script("""
        send 9000
        +0 >  .  1:4001(4000) ack 1
        +0 <  .  1:1(0) ack 4001 win 0
        ignore
    """)


def test_odd_sizes_cannot_push_a_scaled_window_past_the_buffer(open_with: Open) -> None:
    s = open_with(
        replace(PLAIN, window_scale=True, receive_buffer_bytes=200_000), options="mss 1000,wscale 2"
    )
    s.script("+0 < . 1:199001(199000) ack 1\nignore")
    for at in range(199_001, 200_101):
        s.inject(s.segment(f". {at}:{at + 1}(1) ack 1"))
        s.advance(40_000)
        s.take()
    assert s.c.unread_bytes <= 200_003


def test_data_beyond_the_window_is_cut(open_with: Open) -> None:
    s = open_with(SMALL)
    s.script("""
        +0 <  P. 1:3001(3000) ack 1
        +0 >  .  1:1(0) ack 2001 win 0
        +0 <  P. 9001:9011(10) ack 1
        +0 >  .  1:1(0) ack 2001 win 0
    """)
    assert s.received == 2000


@pytest.mark.case("report-5")
@pytest.mark.case("report-13")
def test_writable_follows_a_send_that_took_less(open_with: Open) -> None:
    s = open_with(replace(PLAIN, send_buffer_bytes=4000))
    s.script("""
        send 3000
        +0 >  P. 1:3001(3000) ack 1
        +0 <  .  1:1(0) ack 3001
        events                               # it took all: nobody waits
        send 6000
        +0 >  P. 3001:7001(4000) ack 1
        +0 <  .  1:1(0) ack 3501
        events                               # one eighth is not worth a wake-up
        +0 <  .  1:1(0) ack 4501
        events Writable
        +0 <  .  1:1(0) ack 7001
        events
    """)


@pytest.mark.rfc("9293:SHLD-17")
def test_data_beyond_an_edge_that_moved_left_ends_nothing(established: Scripted) -> None:
    s = established
    s.script("""
        send 5000
        +0 >  P. 1:5001(5000) ack 1
        +0 <  .  1:1(0) ack 1001 win 0
    """)
    for _ in range(30):
        s.script("+60s ignore\n< . 1:1(0) ack 1001 win 0\nignore")
    s.script("""
        state ESTABLISHED
        +0 <  .  1:1(0) ack 1001 win 8000
        ignore
        +0 <  .  1:1(0) ack 5001 win 8000
        state ESTABLISHED
        events
    """)


def test_the_window_grows_for_a_user_who_reads(script_with: Open) -> None:
    """Dynamic right-sizing: from 256 KiB to twice what is consumed in a round trip, up to the limit."""
    s = script_with(TcpConfig(receive_buffer_bytes=1 << 20))
    s.script("""
        listen
        <  S  0:0(0) <mss 1000,wscale 0>
        ignore
        +40ms <  .  1:1(0) ack 1
        accept
        +40ms <  .  1:60001(60000) ack 1
        ignore
        consume all
        ignore
    """)
    at, windows = 60_001, []
    for _ in range(4):
        size = s.c.tcb.rcv_wnd // 1000 * 1000
        for start in range(at, at + size, 60_000):
            end = min(start + 60_000, at + size)
            s.script(f"< . {start}:{end}({end - start}) ack 1\nignore")
        at += size
        s.script("+40ms ignore\nconsume all\nignore")
        windows.append(s.c.tcb.rcv_wnd)
    assert 250_000 < windows[0] < windows[-1] == 1 << 20


def test_the_window_stays_for_a_user_who_does_not_read(script_with: Open) -> None:
    s = script_with(TcpConfig())
    s.script("listen\n< S 0:0(0) <mss 1000,wscale 0>\nignore\n< . 1:1(0) ack 1\naccept")
    for start in range(1, 240_001, 60_000):
        s.script(f"+40ms < . {start}:{start + 60_000}(60000) ack 1\nignore")
    assert s.c.unread_bytes + s.c.tcb.rcv_wnd <= (256 << 10) + 128
