from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from bronzewillow.stack.fragments import Reassembler, fragment
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import DESTINATION_OPTIONS, Ipv6Packet, emit_ipv6, parse_ipv6, unwrap

A, B = bytes((10, 0, 0, 2)), bytes((10, 0, 0, 1))
WHOLE = Ipv4Packet(A, B, 17, random.Random(1).randbytes(5000))


@pytest.fixture
def drops() -> Counter[DropReason]:
    return Counter()


@pytest.fixture
def reassembler(drops: Counter[DropReason]) -> Reassembler:
    return Reassembler(1 << 20, drops)


def piece(start: int, end: int, identification: int = 1, *, last: bool = False) -> Ipv4Packet:
    return replace(
        WHOLE,
        payload=WHOLE.payload[start:end],
        fragment_offset_bytes=start,
        more_fragments=not last,
        identification=identification,
        dont_fragment=False,
    )


def test_fragments_fit_the_mtu_and_tile_the_packet() -> None:
    pieces = fragment(WHOLE, 1450, 77)
    assert all(20 + len(p.payload) <= 1450 and len(p.payload) % 8 == 0 for p in pieces[:-1])
    assert b"".join(p.payload for p in pieces) == WHOLE.payload
    assert [p.more_fragments for p in pieces] == [True, True, True, False]
    assert {p.identification for p in pieces} == {77} and not any(p.dont_fragment for p in pieces)


def test_what_fits_is_not_fragmented() -> None:
    assert fragment(WHOLE, 5020, 1) == [WHOLE]
    assert len(fragment(WHOLE, 5019, 1)) == 2


@pytest.mark.parametrize("seed", range(10))
def test_any_order_gives_the_packet(reassembler: Reassembler, seed: int) -> None:
    pieces = fragment(WHOLE, 600, 9)
    random.Random(seed).shuffle(pieces)
    results = [reassembler.add(p, 0) for p in pieces]
    assert results[:-1] == [None] * (len(pieces) - 1)
    assert results[-1] is not None and results[-1].payload == WHOLE.payload
    assert not results[-1].is_fragment
    assert reassembler.held_bytes == 0


def test_packets_are_told_apart(reassembler: Reassembler) -> None:
    first = fragment(WHOLE, 3020, 1)
    second = fragment(replace(WHOLE, payload=bytes(5000)), 3020, 2)
    assert [reassembler.add(p, 0) is None for p in (first[0], second[0], second[1], first[1])] == [
        True,
        True,
        False,
        False,
    ]


def test_an_exact_duplicate_changes_nothing(reassembler: Reassembler, drops: Counter[DropReason]) -> None:
    assert reassembler.add(piece(0, 800), 0) is None
    assert reassembler.add(piece(0, 800), 0) is None
    whole = reassembler.add(piece(800, 1000, last=True), 0)
    assert whole is not None and whole.payload == WHOLE.payload[:1000] and not drops


@pytest.mark.parametrize(
    "bad",
    [
        piece(400, 1200),
        piece(0, 400),
        piece(792, 1600),
        piece(0, 1600),
        replace(piece(0, 800), payload=bytes(800)),
    ],
    ids=["over the end", "inside", "one unit", "around", "other bytes"],
)
@pytest.mark.case("case-21")
def test_overlap_drops_the_packet(
    reassembler: Reassembler, drops: Counter[DropReason], bad: Ipv4Packet
) -> None:  # RFC 5722 4
    reassembler.add(piece(0, 800), 0)
    assert reassembler.add(bad, 0) is None
    assert drops[DropReason.FRAGMENT] == 1
    assert reassembler.held_bytes == 0


def test_two_ends_that_disagree(reassembler: Reassembler, drops: Counter[DropReason]) -> None:
    reassembler.add(piece(1600, 2000, last=True), 0)
    assert reassembler.add(piece(2400, 2800), 0) is None
    assert drops[DropReason.FRAGMENT] == 1
    reassembler.add(piece(1600, 2400), 0)
    assert reassembler.add(piece(800, 1200, last=True), 0) is None
    assert drops[DropReason.FRAGMENT] == 2


@pytest.mark.parametrize(
    "bad",
    [
        piece(0, 801),
        piece(0, 0),
        replace(piece(0, 800), fragment_offset_bytes=65_528),
        replace(piece(0, 80, last=True), fragment_offset_bytes=65_456),
    ],
    ids=["no multiple of 8", "empty", "beyond 65535", "one byte beyond"],
)
@pytest.mark.case("case-21")
def test_impossible_fragments(reassembler: Reassembler, drops: Counter[DropReason], bad: Ipv4Packet) -> None:
    assert reassembler.add(bad, 0) is None
    assert drops[DropReason.FRAGMENT] == 1 and reassembler.held_bytes == 0


@pytest.mark.case("case-21")
def test_a_missing_last_fragment_times_out(reassembler: Reassembler, drops: Counter[DropReason]) -> None:
    reassembler.add(piece(0, 800), 0)
    reassembler.expire(29_999_999)
    assert reassembler.held_bytes > 0
    reassembler.expire(30_000_000)
    assert reassembler.held_bytes == 0
    assert drops[DropReason.REASSEMBLY_TIMEOUT] == 1
    assert reassembler.add(piece(800, 1000, last=True), 30_000_001) is None


@pytest.mark.case("case-21")
def test_ten_thousand_incomplete_packets_are_bounded(drops: Counter[DropReason]) -> None:
    reassembler = Reassembler(100_000, drops)
    for identification in range(10_000):
        reassembler.add(piece(0, 8, identification), 0)
        assert reassembler.held_bytes <= 100_000
    assert drops[DropReason.REASSEMBLY_LIMIT] > 9_000
    pieces = fragment(WHOLE, 1450, 60_000)
    assert [reassembler.add(p, 0) is None for p in pieces] == [True, True, True, False]


def test_a_packet_in_more_pieces_than_any_path_makes_is_dropped(
    reassembler: Reassembler, drops: Counter[DropReason]
) -> None:
    """Each piece is compared with all others: thousands of one packet would keep the node busy."""
    large = replace(WHOLE, payload=bytes(65_000))
    pieces = fragment(large, 576, 1)  # RFC 791 3.2: what every host must take
    assert [reassembler.add(p, 0) for p in pieces[:-1]] == [None] * (len(pieces) - 1)
    whole = reassembler.add(pieces[-1], 0)
    assert whole is not None and whole.payload == large.payload
    for at in range(129):
        assert reassembler.add(piece(8 * at, 8 * at + 8), 0) is None
    assert reassembler.held_bytes == 0
    assert drops == {DropReason.FRAGMENT: 129}


A6, B6 = bytes(15) + b"\2", bytes(15) + b"\3"
CHAIN = ((DESTINATION_OPTIONS, bytes(6)),)
WHOLE_V6 = Ipv6Packet(A6, B6, 17, random.Random(2).randbytes(5000), extensions=CHAIN)


def v6_piece(start: int, end: int, *, last: bool = False, protocol: int = 17) -> Ipv6Packet:
    return Ipv6Packet(
        A6,
        B6,
        protocol,
        WHOLE_V6.payload[start:end],
        identification=1,
        more_fragments=not last,
        fragment_offset_bytes=start,
    )


def test_ipv6_fragments_fit_the_mtu_and_come_together(reassembler: Reassembler) -> None:
    pieces = fragment(WHOLE_V6, 1450, 0xDEADBEEF)
    assert all(len(emit_ipv6(p)) <= 1450 and len(p.payload) % 8 == 0 for p in pieces[:-1])
    random.Random(4).shuffle(pieces)
    results = [reassembler.add(parse_ipv6(emit_ipv6(p)), 0) for p in pieces]
    assert results == [None] * 3 + [WHOLE_V6]
    assert fragment(WHOLE_V6, 5048, 1) == [WHOLE_V6] and len(fragment(WHOLE_V6, 5047, 1)) == 2


def test_extension_headers_within_a_fragmented_payload(reassembler: Reassembler) -> None:
    payload = b"\x11\x00" + bytes(6) + WHOLE_V6.payload
    inner = Ipv6Packet(A6, B6, DESTINATION_OPTIONS, payload)
    *_, whole = (reassembler.add(parse_ipv6(emit_ipv6(p)), 0) for p in fragment(inner, 1450, 7))
    assert isinstance(whole, Ipv6Packet) and unwrap(whole) == WHOLE_V6


@pytest.mark.rfc("8200:4.5")
def test_only_the_first_fragment_tells_the_next_header(reassembler: Reassembler) -> None:
    assert reassembler.add(v6_piece(0, 800), 0) is None
    whole = reassembler.add(v6_piece(800, 1000, last=True, protocol=6), 0)
    assert whole == Ipv6Packet(A6, B6, 17, WHOLE_V6.payload[:1000])


@pytest.mark.rfc("5722:4")
@pytest.mark.parametrize("bad", [v6_piece(400, 1200), v6_piece(0, 400), v6_piece(792, 1600)])
@pytest.mark.case("case-21")
def test_overlap_drops_the_packet_of_ipv6(
    reassembler: Reassembler, drops: Counter[DropReason], bad: Ipv6Packet
) -> None:
    reassembler.add(v6_piece(0, 800), 0)
    assert reassembler.add(bad, 0) is None
    assert drops[DropReason.FRAGMENT] == 1 and reassembler.held_bytes == 0


def test_extensions_count_in_what_fits(reassembler: Reassembler, drops: Counter[DropReason]) -> None:
    end = Ipv6Packet(A6, B6, 17, bytes(15), identification=1, fragment_offset_bytes=65_520)
    assert reassembler.add(end, 0) is None and not drops
    assert reassembler.add(replace(end, extensions=CHAIN, identification=2), 0) is None
    assert drops[DropReason.FRAGMENT] == 1
