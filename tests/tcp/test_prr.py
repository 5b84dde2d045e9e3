"""RFC 9937: what leaves in fast recovery, ACK by ACK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.stack.tcp.recovery import Phase
from bronzewillow.testing.script import Scripted

Open = Callable[..., Scripted]
RENO = TcpConfig(window_scale=False, timestamps=False, congestion_control="reno")


def twenty_in_flight(open_with: Open, tcp: TcpConfig = RENO) -> Scripted:
    """20 segments in flight and more to send; ssthresh will be 10 segments."""
    s = open_with(tcp, options="mss 1000,sackOK", win=65_000)
    s.c.congestion.cwnd = 20_000
    s.script("send 60000\n+0 > . 1:20001(20000) ack 1")
    return s


def answers(s: Scripted, acks: list[str]) -> list[int]:
    """How many bytes leave because of each ACK."""
    left = []
    for ack in acks:
        before = s.stack.counters.payload_bytes_out
        s.script(f"+0 < . 1:1(0) {ack}\nignore")
        left.append(s.stack.counters.payload_bytes_out - before)
    return left


@pytest.mark.rfc("9937:5")
@pytest.mark.parametrize("rack", [True, False], ids=["RACK", "RFC 6675"])
def test_one_segment_leaves_for_two_that_arrive(open_with: Open, rack: bool) -> None:
    """No half round trip of silence and no burst after it: the window has halved when the hole is filled."""
    s = twenty_in_flight(open_with, replace(RENO, rack=rack))
    acks = [f"ack 1 win 65000 <sack {{1001:{top}}}>" for top in range(2001, 20_002, 1000)]
    left = answers(s, acks)
    assert left[:3] == [1000, 1000, 1000]  # two by limited transmit, and the fast retransmit
    assert sum(left[3:]) == 7_000 and max(left) == 1000
    assert all(sum(left[at : at + 4]) <= 3_000 for at in range(3, len(left)))
    assert s.c.congestion.ssthresh == 10_000 and s.c.recovery.pipe == 10_000
    s.script("+0 < . 1:1(0) ack 22001 win 65000\nignore")
    assert s.c.recovery.phase is Phase.OPEN and s.c.congestion.cwnd == 10_000


@pytest.mark.rfc("9937:5")
def test_after_a_burst_of_losses_the_flight_grows_by_one_more_for_each_safe_ack(open_with: Open) -> None:
    """PRR-SSRB: 16 of 20 segments are lost, and the flight is far below ssthresh."""
    s = twenty_in_flight(open_with)
    left = answers(s, ["ack 1 win 65000 <sack {16001:20001}>"])
    assert left == [4000]  # as many as have arrived
    acks = [f"ack {una} win 65000 <sack {{16001:20001}}>" for una in (1001, 2001, 3001, 4001)]
    assert answers(s, acks) == [2000, 2000, 2000, 2000]
    assert s.c.recovery.pipe == 8_000


def test_without_sack_duplicate_acks_are_what_arrives(open_with: Open) -> None:
    s = open_with(replace(RENO, sack=False), win=65_000)
    s.c.congestion.cwnd = 20_000
    s.script("send 60000\n+0 > . 1:20001(20000) ack 1")
    left = answers(s, ["ack 1 win 65000"] * 19)
    assert left[:3] == [1000, 1000, 1000]
    assert sum(left[3:]) == 7_000 and max(left) == 1000
