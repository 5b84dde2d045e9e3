from __future__ import annotations

import dataclasses

import pytest

from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv6 import (
    DESTINATION_OPTIONS,
    FRAGMENT,
    HOP_BY_HOP,
    ROUTING,
    Extension,
    Ipv6Packet,
    emit_ipv6,
    parse_ipv6,
    unwrap,
)

A, B = bytes.fromhex("20010db8" + "0" * 23 + "1"), bytes.fromhex("20010db8" + "0" * 23 + "2")
PACKET = Ipv6Packet(A, B, 17, b"payload", 63, 0xB9, 0x12345)
PAD: Extension = (DESTINATION_OPTIONS, b"\x01\x04\0\0\0\0")
HOPS: Extension = (HOP_BY_HOP, b"\x05\x02\0\0\x01\0")
DONE: Extension = (ROUTING, b"\x02\0\0\0\0\0" + bytes(16))


def with_extensions(*extensions: Extension) -> Ipv6Packet:
    return dataclasses.replace(PACKET, extensions=extensions)


def raw(next_header: int, payload: bytes) -> bytes:
    return b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + bytes((next_header, 64)) + A + B + payload


def reason_of(data: bytes) -> DropReason:
    with pytest.raises(WireError) as caught:
        parse_ipv6(data)
    return caught.value.reason


def test_on_the_wire() -> None:
    data = emit_ipv6(PACKET)
    assert data == bytes.fromhex("6b912345 0007 11 3f") + A + B + b"payload"
    assert parse_ipv6(data) == parse_ipv6(memoryview(data)) == PACKET


def test_padding_behind_the_packet_is_cut() -> None:
    assert parse_ipv6(emit_ipv6(PACKET) + b"padding") == PACKET


def test_malformed_headers() -> None:
    assert reason_of(b"") is DropReason.TRUNCATED
    assert reason_of(emit_ipv6(PACKET)[:39]) is DropReason.TRUNCATED
    assert reason_of(emit_ipv6(PACKET)[:-1]) is DropReason.TRUNCATED
    assert reason_of(b"\x45" + emit_ipv6(PACKET)[1:]) is DropReason.IP_VERSION


@pytest.mark.rfc("8200:4.1")
def test_extension_headers_are_kept_and_skipped() -> None:
    packet = with_extensions(HOPS, PAD, DONE, PAD)
    data = emit_ipv6(packet)
    assert data[6] == HOP_BY_HOP and data[40] == DESTINATION_OPTIONS and data[48] == ROUTING
    assert parse_ipv6(data) == packet


@pytest.mark.rfc("8200:4.1")
def test_hop_by_hop_options_stand_first_or_nowhere() -> None:
    assert reason_of(emit_ipv6(with_extensions(PAD, HOPS))) is DropReason.IP_EXTENSION
    assert reason_of(emit_ipv6(with_extensions(HOPS, HOPS))) is DropReason.IP_EXTENSION


@pytest.mark.rfc("8504:5.3")
@pytest.mark.case("case-21")
def test_a_chain_has_an_end() -> None:
    assert parse_ipv6(emit_ipv6(with_extensions(*[PAD] * 8)))
    assert reason_of(emit_ipv6(with_extensions(*[PAD] * 9))) is DropReason.IP_EXTENSION
    long = (DESTINATION_OPTIONS, b"\x01\xfe" + bytes(254) + b"\x01\xfe" + bytes(254) + bytes(6))
    assert parse_ipv6(emit_ipv6(with_extensions(long)))
    assert reason_of(emit_ipv6(with_extensions(long, long))) is DropReason.IP_EXTENSION


def test_a_chain_that_runs_out() -> None:
    for payload in (b"", b"\x11", b"\x11\x00\0\0\0\0\0", b"\x11\x01" + bytes(13)):
        assert reason_of(raw(DESTINATION_OPTIONS, payload)) is DropReason.TRUNCATED
    assert reason_of(raw(FRAGMENT, bytes(7))) is DropReason.TRUNCATED


@pytest.mark.rfc("8200:4.4")
@pytest.mark.parametrize("kind", [0, 2, 3, 4, 253])
def test_a_routing_header_with_segments_left(kind: int) -> None:
    routed = (ROUTING, bytes((kind, 1)) + bytes(4))
    assert reason_of(emit_ipv6(with_extensions(routed))) is DropReason.SOURCE_ROUTE
    assert parse_ipv6(emit_ipv6(with_extensions((ROUTING, bytes((kind, 0)) + bytes(4)))))


@pytest.mark.rfc("8200:4.2")
@pytest.mark.parametrize(
    "options", ["400400000000", "800400000000", "c20400010000", "010500000000", "000000000001"]
)
def test_options_that_are_not_to_be_skipped_or_do_not_fit(options: str) -> None:
    for kind in (HOP_BY_HOP, DESTINATION_OPTIONS):
        packet = with_extensions((kind, bytes.fromhex(options)))
        assert reason_of(emit_ipv6(packet)) is DropReason.IP_OPTIONS


def test_fragments() -> None:
    late = dataclasses.replace(
        with_extensions(HOPS), identification=0xDEADBEEF, fragment_offset_bytes=1448, payload=bytes(8)
    )
    data = emit_ipv6(late)
    assert data[40:56] == bytes.fromhex("2c00050200000100 110005a8deadbeef")
    assert parse_ipv6(data) == late and late.is_fragment
    first = dataclasses.replace(late, fragment_offset_bytes=0, more_fragments=True)
    assert parse_ipv6(emit_ipv6(first)) == first and first.is_fragment
    assert not PACKET.is_fragment


@pytest.mark.rfc("6946:4")
@pytest.mark.case("case-21")
def test_an_atomic_fragment_is_a_packet() -> None:
    inner = b"\x11\x00" + PAD[1] + b"payload"
    data = raw(FRAGMENT, b"\x3c\0\0\0\0\0\0\7" + inner)
    assert parse_ipv6(data) == Ipv6Packet(A, B, 17, b"payload", extensions=(PAD,))


@pytest.mark.rfc("7112:5")
@pytest.mark.case("case-21")
def test_the_first_fragment_has_the_whole_chain() -> None:
    head = b"\x3c\0\0\1\0\0\0\7"
    assert reason_of(raw(FRAGMENT, head + b"\x11\x02" + bytes(14))) is DropReason.TRUNCATED
    assert reason_of(raw(FRAGMENT, head + b"\x06\x00" + PAD[1] + bytes(19))) is DropReason.FRAGMENT
    assert parse_ipv6(raw(FRAGMENT, head + b"\x06\x00" + PAD[1] + bytes(20))).protocol == DESTINATION_OPTIONS


def test_what_reassembly_gives_is_unwrapped() -> None:
    packed = Ipv6Packet(A, B, DESTINATION_OPTIONS, b"\x11\x00" + PAD[1] + b"payload", extensions=(HOPS,))
    assert unwrap(packed) == Ipv6Packet(A, B, 17, b"payload", extensions=(HOPS, PAD))
    assert unwrap(PACKET) is PACKET
    for nested in (
        Ipv6Packet(A, B, FRAGMENT, bytes(16)),
        dataclasses.replace(packed, payload=b"\x2c\0" + bytes(14)),
    ):
        with pytest.raises(WireError) as caught:
            unwrap(nested)
        assert caught.value.reason is DropReason.IP_EXTENSION


def test_the_largest_packet() -> None:
    packet = dataclasses.replace(with_extensions(PAD), payload=bytes(65_527))
    assert parse_ipv6(emit_ipv6(packet)) == packet
    with pytest.raises(WireError) as caught:
        emit_ipv6(dataclasses.replace(packet, payload=bytes(65_528)))
    assert caught.value.reason is DropReason.OVERSIZE
