from __future__ import annotations

import dataclasses

import pytest

from bronzewillow.testing.datagrams import solicited_node
from bronzewillow.wire import icmpv6, nd
from bronzewillow.wire.checksum import PartialPolicy, internet_checksum, pseudo_header_sum
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.icmp import (
    DestinationUnreachable,
    EchoReply,
    EchoRequest,
    ParameterProblem,
    QuotedPacket,
    TimeExceeded,
)
from bronzewillow.wire.ipv6 import DESTINATION_OPTIONS, Ipv6Packet
from bronzewillow.wire.packet import TcpPacket, flatten_ipv6
from bronzewillow.wire.tcp import Flags, TcpSegment

A, B = bytes(15) + b"\1", bytes(15) + b"\2"
SEGMENT = TcpSegment(40000, 8080, 0xDEADBEEF, 1, Flags.ACK, 5, payload=bytes(2000))
OFFENDER = flatten_ipv6(TcpPacket(A, B, SEGMENT))


def raw(kind: int, code: int, rest: bytes = bytes(4)) -> bytes:
    data = bytes((kind, code, 0, 0)) + rest
    checksum = internet_checksum(data, pseudo_header_sum(A, B, 58, len(data)))
    return data[:2] + checksum.to_bytes(2, "big") + data[4:]


def reason_of(data: bytes) -> DropReason:
    with pytest.raises(WireError) as caught:
        icmpv6.parse_icmpv6(data, A, B)
    return caught.value.reason


@pytest.mark.parametrize(
    "message",
    [
        EchoRequest(1, 2, b"abc"),
        EchoReply(0xFFFF, 0, b""),
        DestinationUnreachable(icmpv6.PORT_UNREACHABLE, b"quoted"),
        icmpv6.PacketTooBig(1400, b"quoted"),
        TimeExceeded(icmpv6.REASSEMBLY_EXCEEDED, b"quoted"),
        ParameterProblem(icmpv6.UNRECOGNIZED_NEXT_HEADER, b"quoted", 6),
        nd.NeighborSolicitation(B, b"\2" * 6),
        nd.NeighborAdvertisement(B, b"\2" * 6, solicited=True),
    ],
)
def test_round_trip(message: icmpv6.Icmpv6Message) -> None:
    data = icmpv6.emit_icmpv6(message, A, B)
    assert icmpv6.parse_icmpv6(data, A, B) == message
    assert icmpv6.parse_icmpv6(memoryview(data), A, B) == message


@pytest.mark.rfc("4443:2.3")
def test_the_checksum_covers_the_addresses() -> None:
    data = icmpv6.emit_icmpv6(EchoRequest(1, 2, b"abc"), A, B)
    with pytest.raises(WireError) as caught:
        icmpv6.parse_icmpv6(data, A, A)
    assert caught.value.reason is DropReason.BAD_ICMP_CHECKSUM
    assert icmpv6.parse_icmpv6(data, A, A, partial=PartialPolicy.ALWAYS) == EchoRequest(1, 2, b"abc")


def test_malformed() -> None:
    assert reason_of(raw(128, 0)[:7]) is DropReason.TRUNCATED
    assert reason_of(raw(128, 1)) is DropReason.BAD_ICMP
    assert reason_of(raw(135, 0, bytes(8))) is DropReason.BAD_ICMP


@pytest.mark.parametrize("kind", [0, 5, 100, 127, 130, 133, 134, 137, 143, 200, 255])
def test_messages_that_an_endpoint_has_no_use_for(kind: int) -> None:
    assert reason_of(raw(kind, 0)) is DropReason.UNSUPPORTED_ICMP


@pytest.mark.rfc("4443:2.4")
def test_an_error_fits_the_smallest_mtu() -> None:
    message = TimeExceeded(0, icmpv6.quote(OFFENDER))
    assert len(icmpv6.emit_icmpv6(message, A, B)) == 1280 - 40
    assert len(icmpv6.emit_icmpv6(icmpv6.PacketTooBig(1280, bytes(3000)), A, B)) == 1280 - 40
    assert len(icmpv6.emit_icmpv6(EchoReply(0, 0, bytes(3000)), A, B)) == 3008


def test_what_an_error_quotes() -> None:
    expected = QuotedPacket(A, B, 6, 2060, 40000, 8080, 0xDEADBEEF)
    assert icmpv6.parse_quoted(icmpv6.quote(OFFENDER)) == expected
    assert icmpv6.parse_quoted(icmpv6.quote(OFFENDER)[:48]) == expected
    long_way = dataclasses.replace(OFFENDER, extensions=((DESTINATION_OPTIONS, bytes(6)),))
    assert icmpv6.parse_quoted(icmpv6.quote(long_way)) == dataclasses.replace(expected, total_bytes=2068)


def test_quotations_that_tell_nothing() -> None:
    whole = icmpv6.quote(OFFENDER)
    late = dataclasses.replace(OFFENDER, payload=bytes(64), fragment_offset_bytes=8)
    for data, reason in [
        (b"", DropReason.TRUNCATED),
        (whole[:47], DropReason.TRUNCATED),
        (b"\x45" + whole[1:], DropReason.IP_VERSION),
        (icmpv6.quote(late), DropReason.FRAGMENT),
    ]:
        with pytest.raises(WireError) as caught:
            icmpv6.parse_quoted(data)
        assert caught.value.reason is reason


def test_solicitations_are_told_apart_at_a_glance() -> None:
    payload = icmpv6.emit_icmpv6(nd.NeighborSolicitation(B), A, solicited_node(B))
    asking = Ipv6Packet(A, solicited_node(B), icmpv6.PROTOCOL, payload, nd.HOP_LIMIT)
    assert icmpv6.solicited_target(asking) == B
    for other in (
        dataclasses.replace(asking, hop_limit=254),  # RFC 4861 7.1.1
        dataclasses.replace(asking, protocol=17),
        dataclasses.replace(asking, payload=payload[:23]),
        dataclasses.replace(asking, payload=b"\x88" + payload[1:]),
        dataclasses.replace(asking, more_fragments=True),  # RFC 6980 5
    ):
        assert icmpv6.solicited_target(other) is None
