"""RFC 4987 3.6: the handshake of a listener that is under attack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.script import LOCAL, Scripted
from bronzewillow.wire.errors import DropReason

PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False, max_half_open=0)


@pytest.fixture
def flooded() -> Scripted:
    """There is never room for a half-open connection; all options are on."""
    s = Scripted(StackConfig(LOCAL, tcp=TcpConfig(max_half_open=0)))
    s.script("listen")
    return s


@pytest.mark.rfc("4987:3.6")
def test_a_handshake_without_memory(flooded: Scripted) -> None:
    flooded.script("""
        +0    <  S  0:0(0) win 65535 <mss 1410,sackOK,TS val 1000 ecr 0,nop,wscale 7>
        +0    >  S. 0:0(0) ack 1 win 65535 <mss 1410,sackOK,TS val 0 ecr 1000,nop,wscale 7>
    """)
    assert flooded.stack.connections() == [] and flooded.stack.next_timeout() is None
    flooded.script("""
        +30ms <  .  1:1(0) ack 1 win 1000 <TS val 1030 ecr 0>
        accept
        state ESTABLISHED
        send 3000
        +0    >  P. 1:3001(3000) ack 1
        +0    <  .  1:1(0) ack 3001 win 1000 <TS val 1031 ecr 94>
        +0    <  P. 1:11(10) ack 3001 win 1000 <TS val 1031 ecr 94>
        +40ms >  .  3001:3001(0) ack 11
    """)
    tcb = flooded.c.tcb
    assert (tcb.snd_wind_shift, tcb.rcv_wind_shift, tcb.sack_on, tcb.timestamps_on) == (7, 7, True, True)
    assert (tcb.smss, tcb.snd_wnd) == (1410, 128_000)


def test_no_round_trip_is_made_up(flooded: Scripted) -> None:
    flooded.script("""
        <  S  0:0(0) <mss 1410>
        >  S. 0:0(0) ack 1
        +5s <  .  1:1(0) ack 1
        accept
    """)
    assert flooded.c.rtt.srtt == 0


def test_a_peer_without_timestamps_gets_no_other_option(flooded: Scripted) -> None:
    flooded.script("""
        <  S  0:0(0) <mss 1460,sackOK,nop,wscale 7>
        >  S. 0:0(0) ack 1 win 65535 <mss 1410>
        <  .  1:1(0) ack 1 win 5000
        accept
    """)
    tcb = flooded.c.tcb
    assert not (tcb.sack_on or tcb.scaling_on or tcb.timestamps_on)
    assert (tcb.smss, tcb.snd_wnd) == (1410, 5000)


@pytest.mark.parametrize(
    ("offered", "used"), [(0, 128), (536, 536), (1000, 536), (1350, 1340), (1390, 1390), (9000, 1410)]
)
def test_the_mss_is_rounded_down_to_one_of_eight(flooded: Scripted, offered: int, used: int) -> None:
    flooded.script(f"< S 0:0(0) <mss {offered}>\n> S. 0:0(0) ack 1\n< . 1:1(0) ack 1\naccept")
    assert flooded.c.tcb.smss == used


def test_the_handshake_ack_is_lost_and_data_brings_the_cookie(flooded: Scripted) -> None:
    flooded.script("""
        <  S  0:0(0) <mss 1410>
        >  S. 0:0(0) ack 1
        +1s <  FP. 1:101(100) ack 1
        >  .  1:1(0) ack 102
        accept
        state CLOSE_WAIT
        events DataReceived PeerClosed
    """)


@pytest.mark.parametrize("seconds", [0, 63, 64, 127])
def test_a_cookie_is_good_for_a_while(flooded: Scripted, seconds: int) -> None:
    flooded.script(f"< S 0:0(0) <mss 1410>\n> S. 0:0(0) ack 1\n+{min(seconds, 64)}s < . 1:1(0) ack 1\naccept")
    flooded.script("state ESTABLISHED")


@pytest.mark.parametrize("seconds", [128, 129, 1_000_000])
def test_an_old_cookie_is_none(flooded: Scripted, seconds: int) -> None:
    flooded.script(f"""
        <  S  0:0(0) <mss 1410>
        >  S. 0:0(0) ack 1
        +{seconds}s <  .  1:1(0) ack 1
        >  R  1:1(0)
    """)
    assert flooded.stack.connections() == []


@pytest.mark.parametrize("segment", [". 1:1(0) ack 2", ". 2:2(0) ack 1", ". 1:1(0) ack -268435455"])
def test_another_number_is_no_cookie(flooded: Scripted, segment: str) -> None:
    flooded.script(f"< S 0:0(0) <mss 1410>\n> S. 0:0(0) ack 1\n< {segment}\nignore")
    assert flooded.stack.connections() == []
    assert flooded.stack.drops[DropReason.TCP_NO_CONNECTION] == 1


def test_options_that_were_not_offered_are_no_cookie(flooded: Scripted) -> None:
    """The echo of our timestamp says what the SYN offered; the hash covers it."""
    flooded.script("""
        <  S  0:0(0) <mss 1410,TS val 1000 ecr 0>
        >  S. 0:0(0) ack 1
        <  .  1:1(0) ack 1 <TS val 1001 ecr 1>
        ignore
    """)
    assert flooded.stack.connections() == []


def test_rst_and_syn_with_a_cookie_open_nothing(flooded: Scripted) -> None:
    flooded.script("""
        <  S  0:0(0) <mss 1410>
        >  S. 0:0(0) ack 1
        <  R. 1:1(0) ack 1
        <  S. 1:1(0) ack 1
        ignore
    """)
    assert flooded.stack.connections() == []


def test_without_a_flood_no_cookie_is_believed() -> None:
    s = Scripted(StackConfig(LOCAL, tcp=replace(PLAIN, max_half_open=1)))
    s.script("listen\n< S 0:0(0) <mss 1410>\nignore")
    assert s.stack.counters.syn_cookies_sent == 0
    s.peer_port += 1
    s.script("< . 1:1(0) ack 1\n> R 1:1(0)")


def test_the_connection_limit_holds_for_cookies_too() -> None:
    s = Scripted(StackConfig(LOCAL, tcp=replace(PLAIN, max_connections=1)))
    s.script("listen\n< S 0:0(0) <mss 1410>\nignore\n< . 1:1(0) ack 1\naccept")
    s.peer_port += 1
    s.script("< S 0:0(0) <mss 1410>\nnothing")
    assert s.stack.counters.refused_over_limit == 1
