"""RFC 5961, and what RFC 9293 3.10.7.4 says of RST and SYN."""

from __future__ import annotations

import pytest

from bronzewillow.testing.script import Scripted


@pytest.mark.rfc("5961:3.2")
@pytest.mark.rfc("9293:MUST-12")
@pytest.mark.case("case-5")
@pytest.mark.case("report-12")
def test_rst_with_the_exact_sequence_number_resets(established: Scripted) -> None:  # RFC 5961 3.2
    established.script("""
        +0 <  R  1:1(0)
        nothing
        state CLOSED
        events Reset Closed
    """)


@pytest.mark.rfc("5961:3.2")
@pytest.mark.case("case-5")
@pytest.mark.case("report-12")
def test_rst_in_the_window_is_challenged(established: Scripted) -> None:
    established.script("""
        +0 <  R  2:2(0)
        +0 >  .  1:1(0) ack 1
        state ESTABLISHED
        events
    """)
    assert established.stack.counters.challenge_acks == 1


@pytest.mark.rfc("5961:3.2")
@pytest.mark.case("case-5")
@pytest.mark.case("report-12")
def test_rst_outside_the_window_is_silent(established: Scripted) -> None:
    established.script("""
        +0 <  R  100000:100000(0)
        +0 <  R  0:0(0)
        nothing
        state ESTABLISHED
    """)


@pytest.mark.case("case-5")
def test_rst_in_syn_sent_needs_the_right_ack(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +0 <  R. 0:0(0) ack 2
        +0 <  R. 0:0(0) ack 0
        +0 <  R  0:0(0)
        nothing
        state SYN_SENT
        +0 <  R. 0:0(0) ack 1
        state CLOSED
        events Reset Closed
    """)


@pytest.mark.rfc("9293:MUST-11")
def test_rst_in_syn_received_returns_to_listen(listening: Scripted) -> None:
    listening.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  R  1:1(0)
        nothing
        events                        # the user never knew of it
    """)
    assert not listening.stack.connections()


@pytest.mark.rfc("9293:MUST-11")
def test_rst_after_a_simultaneous_open_refuses(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  R  1:1(0)
        state CLOSED
        events Reset Closed
    """)


@pytest.mark.rfc("5961:4.2")
@pytest.mark.case("case-6")
def test_syn_in_established_is_challenged(established: Scripted) -> None:  # RFC 5961 4.2
    established.script("""
        +0 <  S  1:1(0) <mss 1000>
        +0 >  .  1:1(0) ack 1
        +0 <  S  99999:99999(0) <mss 1000>
        +0 >  .  1:1(0) ack 1
        state ESTABLISHED
    """)


@pytest.mark.case("report-26")
def test_a_restarted_peer_can_connect_again(established: Scripted) -> None:
    """RFC 5961 4: the challenge makes a peer that really has restarted send a RST with the exact number."""
    established.script("""
        +0 <  S  99999:99999(0) <mss 1000>
        +0 >  .  1:1(0) ack 1
        +0 <  R  1:1(0)
        state CLOSED
        events Reset Closed
    """)


@pytest.mark.rfc("5961:5.2")
@pytest.mark.rfc("9293:MAY-12")
@pytest.mark.case("case-7")
def test_an_ack_of_what_was_never_sent_is_challenged(established: Scripted) -> None:  # RFC 5961 5.2
    established.script("""
        +0 <  P. 1:11(10) ack 5000
        +0 >  .  1:1(0) ack 1
        events
    """)


@pytest.mark.rfc("5961:5.2")
@pytest.mark.case("case-7")
def test_an_ack_older_than_the_largest_window_is_challenged(established: Scripted) -> None:
    established.script("""
        +0 <  P. 1:11(10) ack -70000
        +0 >  .  1:1(0) ack 1
        events
        +0 <  P. 1:11(10) ack -60000
        events DataReceived              # within SND.UNA - MAX.SND.WND: a late segment
        ignore
        +40ms ignore
    """)


def test_an_old_ack_does_not_change_the_window(established: Scripted) -> None:
    """RFC 9293 3.10.7.4: SND.UNA =< SEG.ACK is a condition of a window update."""
    established.script("""
        send 1000
        +0 >  P. 1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 1001 win 5000
        +0 <  P. 11:21(10) ack 1 win 60000
        +0 >  . 1001:1001(0) ack 1
    """)
    assert established.c.tcb.snd_wnd == 5000


@pytest.mark.rfc("5961:7")
@pytest.mark.case("case-6")
def test_challenge_acks_are_limited_per_connection(established: Scripted) -> None:  # RFC 5961 7
    for _ in range(25):
        established.script("""
            +1ms <  R  2:2(0)
            ignore
        """)
    assert established.stack.counters.challenge_acks == 10
    established.script("""
        +1s <  R  2:2(0)
        +0 >  .  1:1(0) ack 1
    """)


def test_a_segment_without_ack_is_dropped(established: Scripted) -> None:
    established.script("""
        +0 <  P  1:11(10)
        +0 <  F  1:1(0)
        +0 <  -  1:1(0)
        nothing
        events
        state ESTABLISHED
    """)


def test_duplicate_data_is_acknowledged_at_once(established: Scripted) -> None:
    established.script("""
        +0 <  P. 1:11(10) ack 1
        +40ms >  .  1:1(0) ack 11
        +0 <  P. 1:11(10) ack 1
        +0 >  .  1:1(0) ack 11
        events DataReceived
    """)


def test_rst_in_fin_wait_and_close_wait(established: Scripted) -> None:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  .  1:1(0) ack 2
        +0 <  R  1:1(0)
        state CLOSED
        events Reset Closed
        nothing
    """)


@pytest.mark.case("case-5")
def test_segments_for_a_closed_connection_get_rst(established: Scripted) -> None:
    established.script("""
        abort
        +0 >  R. 1:1(0) ack 1
        +0 <  P. 1:11(10) ack 1
        +0 >  R  1:1(0)
    """)


def test_rst_in_last_ack_is_no_error_once_all_data_is_acknowledged(established: Scripted) -> None:
    """RFC 9293 3.10.7.4: CLOSING, LAST-ACK and TIME-WAIT just end. A peer may have left TIME-WAIT already."""
    established.script("""
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        send 10
        shutdown
        +0 >  P. 1:11(10) ack 2
        +0 >  F. 11:11(0) ack 2
        +0 <  .  2:2(0) ack 11
        +0 <  R  2:2(0)
        state CLOSED
        events PeerClosed Closed
    """)


def test_rst_in_last_ack_is_an_error_while_data_is_missing(established: Scripted) -> None:
    established.script("""
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        send 10
        shutdown
        ignore
        +0 <  R  2:2(0)
        events PeerClosed Reset Closed
    """)


@pytest.mark.rfc("9293:SHLD-2")
def test_a_rst_may_carry_data(established: Scripted) -> None:
    established.script("""
        +0 <  R  1:31(30)
        state CLOSED
        events Reset Closed
    """)
