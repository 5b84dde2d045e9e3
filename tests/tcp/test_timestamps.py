"""RFC 7323: timestamps, and protection against wrapped sequence numbers."""

from __future__ import annotations

import pytest

from bronzewillow.testing.script import Scripted


def test_every_segment_carries_and_echoes_a_timestamp(with_timestamps: Scripted) -> None:
    with_timestamps.script("""
        +5ms <  P. 1:101(100) ack 1 <TS val 2000 ecr 0>
        +7ms send 10
        +0 >  P. 1:11(10) ack 101 <TS val 12 ecr 2000>
        +1ms <  .  101:101(0) ack 11 <TS val 2001 ecr 12>
    """)


@pytest.mark.rfc("7323:4.3")
def test_the_echo_is_of_the_segment_that_the_last_ack_waited_for(with_timestamps: Scripted) -> None:
    """RFC 7323 4.3 (2): one ahead of a gap does not count, and of delayed ones the first does."""
    with_timestamps.script("""
        +0 <  P. 1:101(100) ack 1 <TS val 2000 ecr 0>
        +0 <  P. 101:201(100) ack 1 <TS val 2005 ecr 0>
        +40ms >  .  1:1(0) ack 201 <TS val 40 ecr 2000>
        +0 <  P. 301:401(100) ack 1 <TS val 2050 ecr 0>
        +0 >  .  1:1(0) ack 201 <TS val 40 ecr 2000>
    """)


@pytest.mark.rfc("7323:5.3")
def test_an_old_timestamp_is_rejected_and_answered(with_timestamps: Scripted) -> None:  # RFC 7323 5.3 R1
    with_timestamps.script("""
        +0 <  P. 1:101(100) ack 1 <TS val 2000 ecr 0>
        +40ms >  .  1:1(0) ack 101
        +0 <  P. 101:201(100) ack 1 <TS val 1999 ecr 0>
        +0 >  .  1:1(0) ack 101
        events DataReceived
        +0 <  P. 101:201(100) ack 1 <TS val 2000 ecr 0>
        events DataReceived
        ignore
        +40ms ignore
    """)
    assert with_timestamps.stack.counters.paws_rejected == 1


def test_a_timestamp_wraps(with_timestamps: Scripted) -> None:
    with_timestamps.script("""
        +0 <  P. 1:101(100) ack 1 <TS val 2147484000 ecr 0>
        +40ms >  .  1:1(0) ack 101
        +0 <  P. 101:201(100) ack 1 <TS val 4294967295 ecr 0>
        +40ms >  .  1:1(0) ack 201
        +0 <  P. 201:301(100) ack 1 <TS val 3 ecr 0>
        +40ms >  .  1:1(0) ack 301
        events DataReceived DataReceived DataReceived
    """)


@pytest.mark.rfc("7323:5.2")
def test_a_rst_is_not_subject_to_paws(with_timestamps: Scripted) -> None:  # RFC 7323 5.2
    with_timestamps.script("""
        +0 <  R  1:1(0) <TS val 1 ecr 0>
        state CLOSED
    """)


def test_rejected_acks_are_answered_at_a_limited_rate(with_timestamps: Scripted) -> None:
    """Two peers that reject each other's pure ACKs would otherwise never stop."""
    for _ in range(30):
        with_timestamps.script("+0 < . 1:1(0) ack 1 <TS val 1 ecr 0>\nignore")
    assert with_timestamps.stack.counters.segments_out == 1 + 10


@pytest.mark.rfc("7323:5.5")
def test_after_24_days_of_silence_any_timestamp_will_do(with_timestamps: Scripted) -> None:  # RFC 7323 5.5
    with_timestamps.script("""
        +576h <  P. 1:101(100) ack 1 <TS val 5 ecr 0>
        events DataReceived
        +40ms >  .  1:1(0) ack 101
    """)
    assert with_timestamps.c.tcb.ts_recent == 5


@pytest.mark.case("case-24")
@pytest.mark.case("report-11")
def test_timestamps_that_vanish_do_not_stop_the_data(with_timestamps: Scripted) -> None:
    """deviation from RFC 7323 3.2: old kernels, and middleboxes, leave them out."""
    with_timestamps.script("""
        +0 <  P. 1:101(100) ack 1 <nop>
        events DataReceived
        +40ms >  .  1:1(0) ack 101
        send 100
        +0 >  P. 1:101(100) ack 101
        +0 <  .  101:101(0) ack 101 <nop>
    """)
    assert not with_timestamps.c.flight


def test_timestamps_that_were_not_agreed_on_are_ignored(established: Scripted) -> None:
    established.script("""
        +0 <  P. 1:101(100) ack 1 <TS val 5 ecr 0>
        +0 <  P. 101:201(100) ack 1 <TS val 4 ecr 0>
        +40ms >  .  1:1(0) ack 201 <>
        events DataReceived DataReceived
    """)


def test_an_absurd_echo_cannot_make_the_timeout_longer_than_the_wait(with_timestamps: Scripted) -> None:
    with_timestamps.script("""
        send 988
        +0     >  P. 1:989(988) ack 1
        +200ms >  P. 1:989(988) ack 1
        +0     <  .  1:1(0) ack 989 <TS val 1500 ecr -1000000000>
    """)
    assert with_timestamps.c.rtt.rto <= 1_000_000
