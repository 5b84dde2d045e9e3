"""RFC 9293 3.5: establishing a connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.stack.config import StackConfig
from bronzewillow.testing.script import LOCAL, Scripted

Open = Callable[..., Scripted]


@pytest.mark.rfc("9293:MUST-14")
@pytest.mark.rfc("9293:MUST-11")
def test_passive_open(listening: Scripted) -> None:
    listening.script("""
        +0  <  S  0:0(0) win 4096 <mss 1460>
        +0  >  S. 0:0(0) ack 1 win 65535 <mss 1000>
        +0  <  .  1:1(0) ack 1
        events Accepted
        +1s nothing
    """)


def test_active_open(script_with: Open) -> None:
    s = script_with()
    s.script("""
        connect
        +0    >  S  0:0(0) win 65535 <mss 1000>
        +10ms <  S. 0:0(0) ack 1 win 4096 <mss 1460>
        +0    >  .  1:1(0) ack 1
        events Connected
        state ESTABLISHED
    """)


@pytest.mark.rfc("9293:SHLD-5")
@pytest.mark.rfc("9293:MAY-3")
@pytest.mark.case("report-32")
def test_all_options_are_offered_and_agreed_on() -> None:
    s = Scripted(StackConfig(LOCAL))
    s.script("""
        connect
        +0 >  S  0:0(0) win 65535 <mss 1410,sackOK,TS val 0 ecr 0,wscale 7>
        +0 <  S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7>
        +0 >  .  1:1(0) ack 1 win 2048 <TS val 0 ecr 5>
        state ESTABLISHED
    """)
    assert s.c.tcb.sack_on and s.c.tcb.timestamps_on
    assert (s.c.tcb.snd_wind_shift, s.c.tcb.rcv_wind_shift) == (7, 7)


def test_only_offered_options_are_answered() -> None:
    s = Scripted(StackConfig(LOCAL))
    s.script("""
        listen
        +0 <  S  0:0(0) win 65535 <mss 1460>
        +0 >  S. 0:0(0) ack 1 win 65535 <mss 1410>
        +0 <  .  1:1(0) ack 1
    """)


@pytest.mark.rfc("7323:2.2")
def test_a_window_scale_of_zero_is_answered() -> None:
    """RFC 7323 2.2: an offer of shift 0 is an offer; the answer lets us scale our own window."""
    s = Scripted(StackConfig(LOCAL, tcp=TcpConfig(receive_buffer_bytes=60_000)))
    s.script("""
        listen
        +0 <  S  0:0(0) win 65535 <mss 1460,wscale 0>
        +0 >  S. 0:0(0) ack 1 win 60000 <mss 1410,wscale 0>
        +0 <  .  1:1(0) ack 1
    """)


@pytest.mark.rfc("9293:MUST-10")
@pytest.mark.case("case-4")
def test_simultaneous_open(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +0 <  S  0:0(0) win 65535 <mss 1000>
        +0 >  S. 0:0(0) ack 1
        state SYN_RECEIVED
        +0 <  S. 0:0(0) ack 1 win 65535 <mss 1000>
        state ESTABLISHED
        events Connected
        ignore
    """)


def test_simultaneous_open_finished_by_a_bare_ack(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +0 <  S  0:0(0) win 65535 <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  .  1:1(0) ack 1
        state ESTABLISHED
        events Connected
    """)


def test_data_queued_in_syn_sent_leaves_after_the_handshake(syn_sent: Scripted) -> None:
    syn_sent.script("""
        send 100
        nothing
        +0 <  S. 0:0(0) ack 1 <mss 1000>
        +0 >  P. 1:101(100) ack 1
    """)


@pytest.mark.rfc("9293:MUST-22")
@pytest.mark.rfc("6298:5.5")
def test_a_lost_syn_is_retransmitted_ever_more_slowly(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +1s >  S  0:0(0)
        +2s >  S  0:0(0)
        +4s >  S  0:0(0)
        +8s >  S  0:0(0)
        +0  <  S. 0:0(0) ack 1 <mss 1000>
        +0  >  .  1:1(0) ack 1
    """)


@pytest.mark.rfc("9293:MUST-23")
def test_a_syn_is_retried_for_three_minutes(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +179s ignore
        state SYN_SENT
        +60s ignore
        state CLOSED
        events Reset Closed
    """)


@pytest.mark.rfc("6298:5.7")
def test_after_a_lost_syn_data_starts_with_an_rto_of_three_seconds(
    syn_sent: Scripted,
) -> None:  # RFC 6298 5.7
    syn_sent.script("""
        +1s >  S  0:0(0)
        +0  <  S. 0:0(0) ack 1 <mss 1000>
        +0  >  .  1:1(0) ack 1
        send 100
        +0  >  P. 1:101(100) ack 1
        +3s >  P. 1:101(100) ack 1
    """)


@pytest.mark.case("case-1")
@pytest.mark.case("report-22")
def test_a_lost_syn_ack_is_retransmitted_with_the_same_isn(listening: Scripted) -> None:
    listening.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +1s >  S. 0:0(0) ack 1        # the timer
        +0 <  S  0:0(0) <mss 1000>    # the peer's timer
        +0 >  S. 0:0(0) ack 1
        +0 <  .  1:1(0) ack 1
        events Accepted
    """)
    assert len(listening.stack.connections()) == 1


@pytest.mark.case("case-3")
def test_the_handshake_ack_is_lost_and_data_arrives(listening: Scripted) -> None:
    listening.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  P. 1:101(100) ack 1
        events Accepted DataReceived
        +40ms >  .  1:1(0) ack 101
    """)


def test_fin_in_syn_received(listening: Scripted) -> None:
    listening.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  F. 1:1(0) ack 1
        +0 >  .  1:1(0) ack 2
        accept
        state CLOSE_WAIT
        events PeerClosed
    """)


@pytest.mark.rfc("9293:3.10.7.4")
def test_a_bad_ack_in_syn_received_is_answered_by_rst(listening: Scripted) -> None:  # 3.10.7.4, fifth
    listening.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  .  1:1(0) ack 777
        +0 >  R  777:777(0)
        +0 <  .  1:1(0) ack 1
        events Accepted
    """)


def test_a_segment_out_of_window_in_syn_received_is_answered_by_an_ack(listening: Scripted) -> None:
    listening.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  P. 100000:100010(10) ack 1
        +0 >  .  1:1(0) ack 1
        +0 <  .  1:1(0) ack 1
        events Accepted
    """)


@pytest.mark.rfc("9293:3.10.7.3")
def test_a_bad_ack_in_syn_sent_is_answered_by_rst(syn_sent: Scripted) -> None:  # 3.10.7.3, first
    syn_sent.script("""
        +0 <  S. 0:0(0) ack 500 <mss 1000>
        +0 >  R  500:500(0)
        state SYN_SENT
        +0 <  .  0:0(0) ack 0
        +0 >  R  0:0(0)
        state SYN_SENT
    """)


def test_an_ack_without_syn_in_syn_sent_is_dropped(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +0 <  .  0:0(0) ack 1
        nothing
        state SYN_SENT
    """)


def test_no_listener_answers_a_syn_with_rst(script_with: Open) -> None:
    s = script_with()
    s.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  R. 0:0(0) ack 1
        +0 <  .  5:5(0) ack 7
        +0 >  R  7:7(0)
        +0 <  R  5:5(0)
        +0 <  R. 5:5(0) ack 9
        nothing                      # a RST is never answered
    """)


@pytest.mark.rfc("3168:6.1.1")
@pytest.mark.case("case-24")
@pytest.mark.case("report-10")
def test_a_syn_with_ecn_bits_connects(listening: Scripted) -> None:  # RFC 3168 6.1.1
    listening.script("""
        +0 <  SEW 0:0(0) <mss 1000>
        +0 >  S.E 0:0(0) ack 1
        +0 <  .  1:1(0) ack 1
        events Accepted
    """)


def test_data_in_a_syn_is_sent_again_by_the_peer(listening: Scripted) -> None:
    listening.script("""
        +0 <  S  0:10(10) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        +0 <  P. 1:11(10) ack 1
        events Accepted DataReceived
        +40ms >  . 1:1(0) ack 11
    """)


@pytest.mark.rfc("9293:3.10.4")
def test_shutdown_in_syn_sent_deletes_the_tcb(syn_sent: Scripted) -> None:  # RFC 9293 3.10.4
    syn_sent.script("""
        shutdown
        nothing
        state CLOSED
        events Closed
        +0 <  S. 0:0(0) ack 1
        +0 >  R  1:1(0)
    """)


def test_shutdown_in_syn_received_waits_for_the_handshake(syn_sent: Scripted) -> None:
    syn_sent.script("""
        +0 <  S  0:0(0) <mss 1000>
        +0 >  S. 0:0(0) ack 1
        send 10
        shutdown
        nothing
        +0 <  .  1:1(0) ack 1
        +0 >  FP. 1:11(10) ack 1
        state FIN_WAIT_1
    """)


@pytest.mark.parametrize(("offered", "used"), [(0, 128), (1, 128), (47, 128), (536, 536), (65_535, 1000)])
@pytest.mark.case("case-10")
def test_a_hostile_mss_is_bounded(open_with: Open, offered: int, used: int) -> None:
    s = open_with(options=f"mss {offered}")
    s.script("send 1000\nignore")
    assert s.c.tcb.eff_snd_mss == used


@pytest.mark.rfc("9293:MUST-15")
def test_no_mss_option_means_536(open_with: Open) -> None:
    s = open_with(options="nop")
    assert s.c.tcb.eff_snd_mss == 536


@pytest.mark.rfc("9293:MUST-16")
def test_options_take_their_room_from_the_mss(with_timestamps: Scripted) -> None:
    assert with_timestamps.c.tcb.eff_snd_mss == 988


@pytest.mark.rfc("9293:MUST-67")
@pytest.mark.parametrize(("mtu", "mss"), [(576, 536), (1040, 1000), (1450, 1410), (8950, 8910)])
def test_the_mss_is_what_ip_can_receive(script_with: Open, mtu: int, mss: int) -> None:
    s = script_with(mtu=mtu)
    s.script(f"connect\n> S 0:0(0) <mss {mss}>")


@pytest.mark.rfc("9293:MUST-5")
@pytest.mark.rfc("9293:MUST-65")
def test_options_may_stand_in_any_segment_and_ours_for_syns_in_syns_only(open_with: Open) -> None:
    s = open_with()
    s.script("""
        +0 <  P. 1:11(10) ack 1 <mss 200,sackOK,nop,wscale 9>
        send 1500
        +0 >  P. 1:1501(1500) ack 11 <>          # none of the three counts now
        +0 <  F. 11:11(0) ack 1501 <mss 200>
        +0 >  .  1501:1501(0) ack 12 <>
        shutdown
        +0 >  F. 1501:1501(0) ack 12 <>
        state LAST_ACK
    """)
    assert (s.c.tcb.eff_snd_mss, s.c.tcb.sack_on, s.c.tcb.scaling_on) == (1000, False, False)
