from __future__ import annotations

import pytest

from bronzewillow.wire.checksum import Buffer, PartialPolicy, Verdict, pseudo_header_sum
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.udp import UdpDatagram, emit_udp, parse_udp, verify_udp

SOURCE = bytes((10, 0, 0, 1))
DESTINATION = bytes((10, 0, 0, 2))
DATAGRAM = UdpDatagram(5353, 53, b"query")


def reason_of(data: Buffer, source: bytes = SOURCE, destination: bytes = DESTINATION) -> DropReason:
    with pytest.raises(WireError) as caught:
        parse_udp(data, source, destination)
    return caught.value.reason


def test_round_trip_and_trailing_bytes() -> None:
    data = emit_udp(DATAGRAM, SOURCE, DESTINATION)
    assert parse_udp(data, SOURCE, DESTINATION) == DATAGRAM
    assert parse_udp(memoryview(data + b"padding"), SOURCE, DESTINATION) == DATAGRAM


@pytest.mark.case("case-22")
def test_a_zero_checksum_is_legal_in_ipv4_only() -> None:
    data = bytearray(emit_udp(DATAGRAM, SOURCE, DESTINATION))
    data[6:8] = b"\0\0"
    assert parse_udp(data, SOURCE, DESTINATION) == DATAGRAM
    assert reason_of(data, bytes(16), bytes(15) + b"\1") is DropReason.BAD_UDP_CHECKSUM


@pytest.mark.case("case-22")
def test_a_computed_zero_is_sent_as_all_ones() -> None:
    bare = emit_udp(UdpDatagram(5353, 53, b"\0\0"), SOURCE, DESTINATION)
    datagram = UdpDatagram(5353, 53, bare[6:8])  # the payload makes the sum up to 0xFFFF
    data = emit_udp(datagram, SOURCE, DESTINATION)
    assert data[6:8] == b"\xff\xff"
    assert parse_udp(data, SOURCE, DESTINATION) == datagram


def test_malformed() -> None:
    data = emit_udp(DATAGRAM, SOURCE, DESTINATION)
    assert reason_of(data[:7]) is DropReason.TRUNCATED
    assert reason_of(data[:-1]) is DropReason.BAD_UDP_LENGTH
    assert reason_of(data[:4] + b"\0\7" + data[6:]) is DropReason.BAD_UDP_LENGTH
    assert reason_of(data[:-1] + b"?") is DropReason.BAD_UDP_CHECKSUM


def test_partial_checksum_by_policy() -> None:
    data = bytearray(emit_udp(DATAGRAM, SOURCE, DESTINATION))
    data[6:8] = pseudo_header_sum(SOURCE, DESTINATION, 17, len(data)).to_bytes(2, "big")
    assert parse_udp(data, SOURCE, DESTINATION, partial=PartialPolicy.AUTO) == DATAGRAM
    assert verify_udp(data, SOURCE, DESTINATION, partial=PartialPolicy.AUTO) is Verdict.PARTIAL
    assert reason_of(data) is DropReason.BAD_UDP_CHECKSUM


def test_oversize() -> None:
    assert len(emit_udp(UdpDatagram(1, 2, bytes(65_527)), SOURCE, DESTINATION)) == 65_535
    with pytest.raises(WireError) as caught:
        emit_udp(UdpDatagram(1, 2, bytes(65_528)), SOURCE, DESTINATION)
    assert caught.value.reason is DropReason.OVERSIZE
