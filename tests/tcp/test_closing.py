"""RFC 9293 3.6: closing a connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import LocalError, TcpConfig
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]

PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)


@pytest.mark.rfc("9293:MUST-13")
def test_we_close_first(established: Scripted) -> None:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        state FIN_WAIT_1
        +0 <  .  1:1(0) ack 2
        state FIN_WAIT_2
        events
        +0 <  F. 1:1(0) ack 2
        +0 >  .  2:2(0) ack 2
        state TIME_WAIT
        events PeerClosed Closed
        +60s state CLOSED
        events
    """)
    assert not established.stack.connections()


def test_the_peer_closes_first(established: Scripted) -> None:
    established.script("""
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        state CLOSE_WAIT
        events PeerClosed
        shutdown
        +0 >  F. 1:1(0) ack 2
        state LAST_ACK
        +0 <  .  2:2(0) ack 2
        state CLOSED
        events Closed
    """)
    assert not established.stack.connections()


def test_fin_and_the_ack_of_ours_together(established: Scripted) -> None:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  F. 1:1(0) ack 2
        +0 >  .  2:2(0) ack 2
        state TIME_WAIT
    """)


@pytest.mark.case("case-13")
def test_simultaneous_close(established: Scripted) -> None:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  F. 1:1(0) ack 1
        +0 >  .  2:2(0) ack 2
        state CLOSING
        events PeerClosed
        +0 <  .  2:2(0) ack 2
        state TIME_WAIT
        events Closed
    """)


@pytest.mark.case("case-13")
@pytest.mark.case("report-23")
def test_lost_fin_in_closing_is_retransmitted(established: Scripted) -> None:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  F. 1:1(0) ack 1
        +0 >  .  2:2(0) ack 2
        +200ms >  F. 1:1(0) ack 2
        +0 <  .  2:2(0) ack 2
        state TIME_WAIT
    """)


@pytest.mark.rfc("9293:MAY-1")
@pytest.mark.case("report-23")
def test_we_are_half_closed_and_go_on_receiving(established: Scripted) -> None:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  .  1:1(0) ack 2
        +1h <  P. 1:1001(1000) ack 2
        +0 <  P. 1001:2001(1000) ack 2
        +0 >  .  2:2(0) ack 2001
        events DataReceived DataReceived
        state FIN_WAIT_2
        +1h <  F. 2001:2001(0) ack 2
        +0 >  .  2:2(0) ack 2002
        state TIME_WAIT
    """)


def test_the_peer_is_half_closed_and_we_go_on_sending(established: Scripted) -> None:
    established.script("""
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        +1h send 1000
        +0 >  P. 1:1001(1000) ack 2
        +0 <  .  2:2(0) ack 1001
        state CLOSE_WAIT
        +1h send 500
        shutdown
        +0 >  P. 1001:1501(500) ack 2
        +0 >  F. 1501:1501(0) ack 2
        +0 <  .  2:2(0) ack 1502
        state CLOSED
    """)


@pytest.mark.case("case-13")
def test_fin_with_data(established: Scripted) -> None:
    established.script("""
        +0 <  FP. 1:101(100) ack 1
        +0 >  .   1:1(0) ack 102
        events DataReceived PeerClosed
        state CLOSE_WAIT
    """)


def test_our_fin_rides_on_the_last_data(established: Scripted) -> None:
    """Held back by the window, data and FIN leave in one segment."""
    established.script("""
        +0 <  .   1:1(0) ack 1 win 1000
        send 1500
        shutdown
        +0 >  .   1:1001(1000) ack 1
        +0 <  .   1:1(0) ack 1001 win 1000
        +0 >  FP. 1001:1501(500) ack 1
        state FIN_WAIT_1
        +0 <  .   1:1(0) ack 1501          # the data, not the FIN
        state FIN_WAIT_1
        +0 <  .   1:1(0) ack 1502
        state FIN_WAIT_2
    """)


def test_lost_fin_is_retransmitted(established: Scripted) -> None:
    established.script("""
        shutdown
        +0     >  F. 1:1(0) ack 1
        +200ms >  F. 1:1(0) ack 1
        +400ms >  F. 1:1(0) ack 1
        +0     <  .  1:1(0) ack 2
        state FIN_WAIT_2
    """)


@pytest.mark.case("case-13")
def test_a_fin_that_arrives_before_its_data_waits_for_it(established: Scripted) -> None:
    established.script("""
        +0 <  F. 101:101(0) ack 1
        +0 >  .  1:1(0) ack 1
        state ESTABLISHED
        +0 <  P. 1:101(100) ack 1
        +0 >  .  1:1(0) ack 102
        state CLOSE_WAIT
        events DataReceived PeerClosed
    """)


@pytest.mark.case("case-13")
@pytest.mark.case("report-23")
def test_fin_at_zero_window_is_taken(open_with: Open) -> None:
    s = open_with(replace(PLAIN, receive_buffer_bytes=1000))
    s.script("""
        +0 <  P. 1:1001(1000) ack 1
        +40ms >  .  1:1(0) ack 1001 win 0
        +0 <  F. 1001:1001(0) ack 1
        +0 >  .  1:1(0) ack 1002
        state CLOSE_WAIT
        events DataReceived PeerClosed
    """)


def test_our_fin_does_not_need_a_window(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:1(0) ack 1 win 0
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  .  1:1(0) ack 2 win 0
        state FIN_WAIT_2
    """)


def test_a_retransmitted_fin_is_acknowledged_again(established: Scripted) -> None:
    established.script("""
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        +1s <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        events PeerClosed
    """)


def test_data_beyond_a_fin_is_ignored(established: Scripted) -> None:
    established.script("""
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        +0 <  P. 2:102(100) ack 1
        events PeerClosed
        ignore
        state CLOSE_WAIT
    """)


def test_abort_sends_rst(established: Scripted) -> None:
    established.script("""
        send 100
        +0 >  P. 1:101(100) ack 1
        abort
        +0 >  R. 101:101(0) ack 1
        state CLOSED
        events Closed
        abort
        shutdown
        close
        nothing
        events
    """)


@pytest.mark.case("report-20")
def test_unsent_data_leaves_before_the_fin(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:1(0) ack 1 win 1000
        send 3000
        close
        +0 >  .  1:1001(1000) ack 1
        +0 <  .  1:1(0) ack 1001 win 1000
        +0 >  .  1001:2001(1000) ack 1
        +0 <  .  1:1(0) ack 2001 win 1000
        +0 >  FP. 2001:3001(1000) ack 1
        +0 <  .  1:1(0) ack 3002
        state FIN_WAIT_2
    """)


def test_send_after_shutdown_is_a_local_error(established: Scripted) -> None:
    established.script("shutdown\nignore")
    with pytest.raises(LocalError, match="shut down"):
        established.c.send(b"x", established.now)


def test_shutdown_withdraws_writable(open_with: Open) -> None:
    s = open_with(replace(PLAIN, send_buffer_bytes=1000))
    s.script("""
        send 2000
        shutdown
        +0 > P. 1:1001(1000) ack 1
        +0 > F. 1001:1001(0) ack 1
        +0 < .  1:1(0) ack 1001
        events                        # nobody may send: no Writable
    """)


# ---- orphans: close() was called


@pytest.mark.rfc("9293:3.10.4")
@pytest.mark.case("case-14")
@pytest.mark.case("report-20")
def test_unread_bytes_do_not_turn_close_into_rst(established: Scripted) -> None:
    established.script("""
        +0 <  P. 1:101(100) ack 1
        events DataReceived
        close
        +0 >  F. 1:1(0) ack 101
        state FIN_WAIT_1
        +0 <  F. 101:101(0) ack 2
        +0 >  .  2:2(0) ack 102
        state TIME_WAIT
        events Closed
    """)


def test_after_close_arriving_data_is_discarded_up_to_the_linger_limit(
    open_with: Open,
) -> None:
    s = open_with(replace(PLAIN, linger_bytes=2000))
    s.script("""
        close
        +0 >  F. 1:1(0) ack 1
        +0 <  .  1:1001(1000) ack 2
        +0 <  .  1001:2001(1000) ack 2
        +0 >  .  2:2(0) ack 2001
        events
        state FIN_WAIT_2
        +0 <  .  2001:2002(1) ack 2
        +0 >  R. 2:2(0) ack 2002
        state CLOSED
        events Closed
    """)


def test_close_opens_a_window_that_was_shut(open_with: Open) -> None:
    """Else a peer that still has something to say would wait for its persist timer."""
    s = open_with(replace(PLAIN, receive_buffer_bytes=2000))
    s.script("""
        +0 <  .  1:1001(1000) ack 1
        +0 <  .  1001:2001(1000) ack 1
        +0 >  .  1:1(0) ack 2001 win 0
        send 10
        +0 >  P. 1:11(10) ack 2001 win 0
        close
        +0 >  F. 11:11(0) ack 2001 win 2000
    """)


def test_close_of_a_half_closed_connection_opens_the_window_at_once(
    open_with: Open,
) -> None:
    s = open_with(replace(PLAIN, receive_buffer_bytes=2000))
    s.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  .  1:1001(1000) ack 2
        +0 <  .  1001:2001(1000) ack 2
        +0 >  .  2:2(0) ack 2001 win 0
        close
        +0 >  .  2:2(0) ack 2001 win 2000
    """)


@pytest.mark.case("case-15")
@pytest.mark.case("report-18")
def test_an_orphan_in_fin_wait_2_is_given_up(established: Scripted) -> None:
    established.script("""
        close
        +0 >  F. 1:1(0) ack 1
        +0 <  .  1:1(0) ack 2
        state FIN_WAIT_2
        +59s state FIN_WAIT_2
        +1s state CLOSED
        events Closed
    """)


def test_close_in_fin_wait_2_starts_the_timer_once(established: Scripted) -> None:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  .  1:1(0) ack 2
        +1h state FIN_WAIT_2
        close
        +30s close
        +30s state CLOSED
    """)


@pytest.mark.case("case-15")
def test_a_vanished_peer_in_last_ack_is_given_up(established: Scripted) -> None:
    established.script("""
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        shutdown
        +0 >  F. 1:1(0) ack 2
        +250s ignore
        state CLOSED
        events PeerClosed Reset Closed
    """)


def test_an_orphan_at_zero_window_is_given_up_even_if_the_peer_answers(established: Scripted) -> None:
    """Nobody is left who could decide to give up: probing for ever would be a leak that strangers cause."""
    established.script("""
        +0 <  .  1:1(0) ack 1 win 0
        send 100
        close
    """)
    for _ in range(300):
        established.script("""
            +1s ignore
            <  .  1:1(0) ack 1 win 0
            ignore
        """)
        if not established.stack.connections():
            break
    established.script("state CLOSED")


# ---- TIME-WAIT


@pytest.fixture
def time_wait(established: Scripted) -> Scripted:
    established.script("""
        shutdown
        +0 >  F. 1:1(0) ack 1
        +0 <  F. 1:1(0) ack 2
        +0 >  .  2:2(0) ack 2
        state TIME_WAIT
        events PeerClosed Closed
    """)
    return established


@pytest.mark.rfc("9293:3.10.7.4")
@pytest.mark.case("case-13")
def test_a_retransmitted_fin_in_time_wait_restarts_it(time_wait: Scripted) -> None:  # 3.10.7.4, eighth
    time_wait.script("""
        +50s <  F. 1:1(0) ack 2
        +0 >  .  2:2(0) ack 2
        +59s state TIME_WAIT
        +1s state CLOSED
        events
    """)


@pytest.mark.rfc("9293:MAY-2")
@pytest.mark.rfc("6191:2")
@pytest.mark.case("case-16")
def test_a_newer_syn_reuses_the_port(time_wait: Scripted) -> None:  # 3.6.1, RFC 6191
    old = time_wait.c
    time_wait.advance(1_000_000)
    time_wait.inject(time_wait.segment("S 5000:5000(0) <mss 1000>"))
    (syn_ack,) = time_wait.take()
    assert syn_ack.segment.flags == 0x12  # type: ignore[union-attr]
    assert syn_ack.segment.ack == time_wait.peer_isn + 5001  # type: ignore[union-attr]
    assert old.state.value == "CLOSED"
    assert [c.state.value for c in time_wait.stack.connections()] == ["SYN_RECEIVED"]
    # RFC 9293 3.6.1: its ISN is beyond all that the old connection has used
    assert 2 < (syn_ack.segment.seq - time_wait.local_isn) % 2**32 < 2**31  # type: ignore[union-attr, operator]


@pytest.mark.case("case-16")
def test_an_older_syn_does_not(time_wait: Scripted) -> None:
    time_wait.script("""
        +1s <  S  -5000:-5000(0) <mss 1000>
        +0 >  .  2:2(0) ack 2
        state TIME_WAIT
    """)


@pytest.mark.case("case-16")
def test_stale_data_in_time_wait_is_answered_not_delivered(time_wait: Scripted) -> None:
    time_wait.script("""
        +1s <  P. -100:0(100) ack 2
        +0 >  .  2:2(0) ack 2
        events
    """)


def test_rst_in_time_wait_ends_it_silently(time_wait: Scripted) -> None:
    time_wait.script("""
        +1s <  R  2:2(0)
        state CLOSED
        events
    """)


def test_rst_in_time_wait_out_of_place_does_not(time_wait: Scripted) -> None:
    time_wait.script("""
        +1s <  R  -1000:-1000(0)
        state TIME_WAIT
    """)


@pytest.mark.rfc("9293:SHLD-4")
@pytest.mark.rfc("6191:2")
def test_a_newer_timestamp_reuses_the_port_whatever_the_sequence_number(open_with: Open) -> None:
    s = open_with(replace(PLAIN, timestamps=True), options="mss 1000,TS val 1000 ecr 0")
    s.script("""
        shutdown
        ignore
        +0 <  F. 1:1(0) ack 2 <TS val 1001 ecr 0>
        ignore
        state TIME_WAIT
        +0 <  S  -50000:-50000(0) <mss 1000,TS val 1001 ecr 0>
        ignore
        state TIME_WAIT                 # as new as the last: its sequence number decides, and that is old
        +0 <  S  -50000:-50000(0) <mss 1000,TS val 1002 ecr 0>
        state CLOSED
        ignore
    """)
    assert [c.state.value for c in s.stack.connections()] == ["SYN_RECEIVED"]
