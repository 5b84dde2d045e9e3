"""When and how we acknowledge: RFC 9293 3.8.6.3, RFC 5681 4.2, RFC 2018."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import TcpConfig
from bronzewillow.testing.script import Scripted
from bronzewillow.wire.errors import DropReason

Open = Callable[..., Scripted]
PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)


@pytest.mark.rfc("9293:MUST-58")
@pytest.mark.rfc("9293:SHLD-18")
@pytest.mark.rfc("9293:MUST-40")
def test_an_ack_is_delayed_by_40_ms(established: Scripted) -> None:
    established.script("""
        +0    <  P. 1:101(100) ack 1
        +10ms <  P. 101:201(100) ack 1
        +30ms >  .  1:1(0) ack 201
        +1s   nothing
    """)


@pytest.mark.rfc("9293:SHLD-19")
def test_every_second_full_sized_segment_is_acknowledged_at_once(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:1001(1000) ack 1
        nothing
        +0 <  .  1001:2001(1000) ack 1
        +0 >  .  1:1(0) ack 2001
        +0 <  .  2001:3001(1000) ack 1
        +40ms >  .  1:1(0) ack 3001
    """)


def test_options_make_full_sized_segments_smaller(with_timestamps: Scripted) -> None:
    with_timestamps.script("""
        +0 <  .  1:989(988) ack 1
        nothing
        +0 <  .  989:1977(988) ack 1
        +0 >  .  1:1(0) ack 1977
    """)


def test_a_peer_with_a_smaller_mss_has_smaller_full_sized_segments(open_with: Open) -> None:
    s = open_with(options="mss 536")
    s.script("""
        +0 <  .  1:537(536) ack 1
        nothing
        +0 <  .  537:1073(536) ack 1
        +0 >  .  1:1(0) ack 1073
    """)


def test_data_carries_the_ack(established: Scripted) -> None:
    established.script("""
        +0 <  P. 1:101(100) ack 1
        send 50
        +0 >  P. 1:51(50) ack 101
        +0 <  .  101:101(0) ack 51
        +1s nothing
    """)


@pytest.mark.rfc("9293:MUST-59")
@pytest.mark.case("report-32")
def test_a_batch_is_answered_by_one_ack(established: Scripted) -> None:
    s = established
    s.inject(*(s.segment(f". {at}:{at + 1000}(1000) ack 1") for at in range(1, 10_001, 1000)))
    s.script("+0 > . 1:1(0) ack 10001")


@pytest.mark.rfc("5681:4.2")
@pytest.mark.rfc("9293:SHLD-31")
@pytest.mark.rfc("9293:MAY-13")
def test_out_of_order_and_filling_a_gap_are_acknowledged_at_once(established: Scripted) -> None:
    established.script("""
        +0 <  P. 101:201(100) ack 1
        +0 >  .  1:1(0) ack 1
        +0 <  P. 301:401(100) ack 1
        +0 >  .  1:1(0) ack 1
        +0 <  P. 1:101(100) ack 1
        +0 >  .  1:1(0) ack 201
        events DataReceived
        +0 <  P. 201:301(100) ack 1
        +0 >  .  1:1(0) ack 401
        +1s nothing
    """)
    assert established.received == 400


def test_each_out_of_order_segment_of_a_batch_has_its_duplicate_ack(established: Scripted) -> None:
    s = established
    s.inject(*(s.segment(f". {at}:{at + 1000}(1000) ack 1") for at in (1001, 2001, 3001)))
    s.script("""
        +0 >  .  1:1(0) ack 1
        +0 >  .  1:1(0) ack 1
        +0 >  .  1:1(0) ack 1
    """)


@pytest.mark.rfc("2018:4")
def test_the_newest_sack_block_comes_first(with_sack: Scripted) -> None:
    with_sack.script("""
        +0 <  .  1001:2001(1000) ack 1
        +0 >  .  1:1(0) ack 1 <sack {1001:2001}>
        +0 <  .  3001:4001(1000) ack 1
        +0 >  .  1:1(0) ack 1 <sack {3001:4001}{1001:2001}>
        +0 <  .  5001:6001(1000) ack 1
        +0 >  .  1:1(0) ack 1 <sack {5001:6001}{3001:4001}{1001:2001}>
        +0 <  .  7001:8001(1000) ack 1
        +0 >  .  1:1(0) ack 1 <sack {7001:8001}{5001:6001}{3001:4001}>
        +0 <  .  2001:2501(500) ack 1
        +0 >  .  1:1(0) ack 1 <sack {1001:2501}{7001:8001}{5001:6001}>
        +0 <  .  1:1001(1000) ack 1
        +0 >  .  1:1(0) ack 2501 <sack {7001:8001}{5001:6001}>
        +0 <  .  2501:7001(4500) ack 1
        +0 >  .  1:1(0) ack 8001 <>
    """)


@pytest.mark.case("case-8")
def test_the_peers_sequence_numbers_wrap_with_our_sack_blocks_across_it(open_with: Open) -> None:
    s = open_with(replace(PLAIN, sack=True), options="mss 1000,sackOK", isn=2**32 - 1500)
    s.script("""
        +0 <  .  1001:2001(1000) ack 1
        +0 >  .  1:1(0) ack 1 <sack {1001:2001}>
        +0 <  .  3001:4001(1000) ack 1
        +0 >  .  1:1(0) ack 1 <sack {3001:4001}{1001:2001}>
        +0 <  .  1:1001(1000) ack 1
        +0 >  .  1:1(0) ack 2001 <sack {3001:4001}>
        +0 <  F. 4001:4001(0) ack 1
        +0 >  .  1:1(0) ack 2001
        +0 <  .  2001:3001(1000) ack 1
        +0 >  .  1:1(0) ack 4002 <>
        state CLOSE_WAIT
    """)
    assert s.received == 4000


@pytest.mark.case("case-9")
def test_the_first_copy_of_a_byte_wins(established: Scripted) -> None:
    s = established
    s.script("+0 < P. 101:201(100) ack 1\nignore")
    s.inject(replace(s.segment("P. 101:201(100) ack 1"), payload=b"\0" * 100))
    s.take()
    s.script("+0 < P. 1:101(100) ack 1\n> . 1:1(0) ack 201")  # which compares every byte
    assert s.received == 200


def test_the_number_of_gaps_is_bounded(with_sack: Scripted) -> None:
    s = with_sack
    for at in range(2, 1002, 2):
        s.inject(s.segment(f". {at}:{at + 1}(1) ack 1"))
        s.take()
    assert s.stack.drops[DropReason.BUFFER_LIMIT] == 500 - 256
    s.script("< P. 1:1003(1002) ack 1\nignore")
    assert s.received == 1002


@pytest.mark.case("case-9")
def test_one_byte_segments_in_reverse_order(established: Scripted) -> None:
    s = established
    for at in range(2000, 1, -1):
        s.inject(s.segment(f". {at}:{at + 1}(1) ack 1"))
        s.take()
    s.script("< . 1:2(1) ack 1\n> . 1:1(0) ack 2001")
    assert s.received == 2000


def test_a_super_segment_wider_than_the_window_overlapping_what_we_have(established: Scripted) -> None:
    established.script("""
        +0 <  .  1:1001(1000) ack 1
        +0 <  .  501:3001(2500) ack 1
        +0 >  .  1:1(0) ack 3001
    """)
    assert established.received == 3000
