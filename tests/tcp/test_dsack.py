"""RFC 2883: the peer learns what has arrived twice. How we read that of it is in test_rack.py."""

from __future__ import annotations

import pytest

from bronzewillow.testing.script import Scripted
from bronzewillow.wire.packet import TcpPacket


@pytest.mark.rfc("2883:4.1")
@pytest.mark.case("case-11")
def test_a_duplicate_below_the_acknowledgment(with_sack: Scripted) -> None:
    with_sack.script("""
        +0    <  .  1:2001(2000) ack 1
        +0    >  .  1:1(0) ack 2001 <>
        +0    <  .  1:1001(1000) ack 1
        +0    >  .  1:1(0) ack 2001 <sack {1:1001}>
        +0    <  .  2001:4001(2000) ack 1
        +0    >  .  1:1(0) ack 4001 <>                    # each is told once
    """)


@pytest.mark.rfc("2883:4.2")
def test_a_partial_duplicate_names_the_part(with_sack: Scripted) -> None:
    with_sack.script("""
        +0    <  .  1:2001(2000) ack 1
        +0    >  .  1:1(0) ack 2001
        +0    <  .  1001:3001(2000) ack 1
        +0    >  .  1:1(0) ack 3001 <sack {1001:2001}>
    """)


@pytest.mark.rfc("2883:4.2")
def test_a_duplicate_above_a_hole_is_followed_by_the_block_around_it(with_sack: Scripted) -> None:
    with_sack.script("""
        +0    <  .  1001:3001(2000) ack 1
        +0    >  .  1:1(0) ack 1 <sack {1001:3001}>
        +0    <  .  5001:6001(1000) ack 1
        +0    >  .  1:1(0) ack 1 <sack {5001:6001}{1001:3001}>
        +0    <  .  1501:2501(1000) ack 1
        +0    >  .  1:1(0) ack 1 <sack {1501:2501}{1001:3001}{5001:6001}>
        +0    <  .  2001:4001(2000) ack 1
        +0    >  .  1:1(0) ack 1 <sack {2001:3001}{1001:4001}{5001:6001}>
    """)


def test_every_duplicate_of_a_batch_is_told(with_sack: Scripted) -> None:
    s = with_sack
    s.script("< . 1:6001(6000) ack 1\nignore")
    s.inject(s.segment(". 1:1001(1000) ack 1"), s.segment(". 3001:4001(1000) ack 1"))
    s.script("""
        +0    >  .  1:1(0) ack 6001 <sack {1:1001}>
        +0    >  .  1:1(0) ack 6001 <sack {3001:4001}>
    """)


def test_data_that_is_due_does_not_swallow_it(with_sack: Scripted) -> None:
    s = with_sack
    s.script("< . 1:2001(2000) ack 1\nignore")
    s.c.send(b"x", s.now)
    s.inject(s.segment(". 1:1001(1000) ack 1"))
    first, second = (packet.segment for packet in s.take() if isinstance(packet, TcpPacket))
    assert first.options.sack and not first.payload
    assert second.payload == b"x"


def test_a_late_duplicate_after_the_fin(with_sack: Scripted) -> None:
    with_sack.script("""
        +0    <  F. 1:1001(1000) ack 1
        +0    >  .  1:1(0) ack 1002
        +0    <  F. 1:1001(1000) ack 1
        +0    >  .  1:1(0) ack 1002 <sack {1:1001}>
    """)


def test_a_peer_without_sack_hears_nothing_of_it(established: Scripted) -> None:
    established.script("""
        +0    <  .  1:2001(2000) ack 1
        +0    >  .  1:1(0) ack 2001
        +0    <  .  1:1001(1000) ack 1
        +0    >  .  1:1(0) ack 2001 <>
    """)
