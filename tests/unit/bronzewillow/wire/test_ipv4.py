from __future__ import annotations

import dataclasses

import pytest

from bronzewillow.wire.checksum import Buffer, internet_checksum
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4, parse_ipv4

PACKET = Ipv4Packet(
    bytes((10, 65, 0, 2)), bytes((10, 64, 1, 7)), 17, b"payload", 63, 0xB9, 0x1234, False, True, 1480
)
HEADER = bytes.fromhex("4500002c0001400040062542 0a410002 0a400107")
"""As captured and checked by tcpdump."""


def with_header(**fields: int) -> bytes:
    """HEADER and a payload, bytes replaced by offset (b6=...), the checksum made right again."""
    header = bytearray(HEADER)
    for name, value in fields.items():
        header[int(name[1:])] = value
    header[10:12] = b"\0\0"
    header[10:12] = internet_checksum(header).to_bytes(2, "big")
    return bytes(header) + bytes(24)


def reason_of(data: Buffer) -> DropReason:
    with pytest.raises(WireError) as caught:
        parse_ipv4(data)
    return caught.value.reason


def test_round_trip() -> None:
    assert parse_ipv4(emit_ipv4(PACKET)) == PACKET
    assert parse_ipv4(memoryview(emit_ipv4(PACKET))) == PACKET


def test_the_captured_header() -> None:
    packet = parse_ipv4(HEADER + bytes(24))
    assert packet == Ipv4Packet(bytes((10, 65, 0, 2)), bytes((10, 64, 1, 7)), 6, bytes(24), identification=1)
    assert emit_ipv4(packet) == HEADER + bytes(24)


def test_frame_padding_is_cut() -> None:
    assert parse_ipv4(emit_ipv4(PACKET) + b"padding") == PACKET


def test_malformed_headers() -> None:
    assert reason_of(b"") is DropReason.TRUNCATED
    assert reason_of(HEADER[:19]) is DropReason.TRUNCATED
    assert reason_of(HEADER + bytes(23)) is DropReason.TRUNCATED
    assert reason_of(with_header(b0=0x65)) is DropReason.IP_VERSION
    assert reason_of(with_header(b0=0x44)) is DropReason.IP_HEADER
    assert reason_of(with_header(b3=19)) is DropReason.IP_HEADER
    assert reason_of(with_header(b0=0x4F)) is DropReason.IP_HEADER


@pytest.mark.parametrize("bit", range(32, 160))
def test_every_flipped_bit_of_a_header_is_found(bit: int) -> None:
    data = bytearray(HEADER + bytes(24))
    data[bit >> 3] ^= 0x80 >> (bit & 7)
    assert reason_of(data) is DropReason.BAD_IP_CHECKSUM


@pytest.mark.rfc("9293:MUST-50")
def test_options_are_skipped() -> None:
    packet = dataclasses.replace(PACKET, options=bytes.fromhex("0107040000000000"))  # NOP, record route, end
    assert parse_ipv4(emit_ipv4(packet)) == packet


@pytest.mark.parametrize("options", ["07000000", "07010000", "01010107", "01010703", "0701ffff", "07ff0000"])
def test_malformed_options(options: str) -> None:
    packet = dataclasses.replace(PACKET, options=bytes.fromhex(options))
    assert reason_of(emit_ipv4(packet)) is DropReason.IP_OPTIONS


@pytest.mark.parametrize("kind", ["83", "89"])
def test_source_routes_are_dropped(kind: str) -> None:
    packet = dataclasses.replace(PACKET, options=bytes.fromhex(f"{kind}0704 0a000001 00"))
    assert reason_of(emit_ipv4(packet)) is DropReason.SOURCE_ROUTE


def test_is_fragment() -> None:
    whole = dataclasses.replace(PACKET, more_fragments=False, fragment_offset_bytes=0)
    assert not whole.is_fragment
    assert dataclasses.replace(whole, more_fragments=True).is_fragment
    assert dataclasses.replace(whole, fragment_offset_bytes=8).is_fragment


def test_the_largest_packet() -> None:
    packet = dataclasses.replace(PACKET, payload=bytes(65_515))
    assert parse_ipv4(emit_ipv4(packet)) == packet
    with pytest.raises(WireError) as caught:
        emit_ipv4(dataclasses.replace(PACKET, payload=bytes(65_516)))
    assert caught.value.reason is DropReason.OVERSIZE
