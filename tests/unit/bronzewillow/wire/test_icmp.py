from __future__ import annotations

import pytest

from bronzewillow.wire import icmp
from bronzewillow.wire.checksum import PartialPolicy, internet_checksum
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.packet import TcpPacket, flatten_ipv4
from bronzewillow.wire.tcp import Flags, TcpSegment

SEGMENT = TcpSegment(40000, 8080, 0xDEADBEEF, 1, Flags.ACK, 5, payload=bytes(2000))
OFFENDER = flatten_ipv4(TcpPacket(b"\x0a\0\0\1", b"\x0a\0\0\2", SEGMENT))


def reason_of(data: bytes) -> DropReason:
    with pytest.raises(WireError) as caught:
        icmp.parse_icmp(data)
    return caught.value.reason


def raw(kind: int, code: int, rest: bytes = bytes(4)) -> bytes:
    data = bytes((kind, code, 0, 0)) + rest
    return data[:2] + internet_checksum(data).to_bytes(2, "big") + data[4:]


@pytest.mark.parametrize(
    "message",
    [
        icmp.EchoRequest(1, 2, b"abc"),
        icmp.EchoReply(0xFFFF, 0, b""),
        icmp.DestinationUnreachable(icmp.PORT_UNREACHABLE, b"quoted"),
        icmp.DestinationUnreachable(icmp.FRAGMENTATION_NEEDED, b"quoted", 1450),
        icmp.TimeExceeded(icmp.REASSEMBLY_EXCEEDED, b"quoted"),
        icmp.ParameterProblem(0, b"quoted", 20),
    ],
)
def test_round_trip(message: icmp.IcmpMessage) -> None:
    data = icmp.emit_icmp(message)
    assert icmp.parse_icmp(data) == message
    assert icmp.parse_icmp(memoryview(data)) == message


def test_frag_needed_on_the_wire() -> None:
    data = icmp.emit_icmp(icmp.DestinationUnreachable(icmp.FRAGMENTATION_NEEDED, b"", 1450))
    assert data == bytes.fromhex("0304 f751 0000 05aa")


def test_the_mtu_field_means_nothing_with_other_codes() -> None:
    assert icmp.parse_icmp(raw(3, 3, b"\0\0\5\xaa")) == icmp.DestinationUnreachable(3)


def test_malformed() -> None:
    data = icmp.emit_icmp(icmp.EchoRequest(1, 2, b"abc"))
    assert reason_of(data[:7]) is DropReason.TRUNCATED
    assert reason_of(data[:-1] + b"?") is DropReason.BAD_ICMP_CHECKSUM
    assert reason_of(raw(8, 1)) is DropReason.BAD_ICMP
    assert icmp.parse_icmp(data[:-1] + b"?", partial=PartialPolicy.ALWAYS) == icmp.EchoRequest(1, 2, b"ab?")


@pytest.mark.parametrize("kind", [1, 4, 5, 9, 10, 13, 14, 17, 40, 255])
def test_messages_that_nobody_should_send(kind: int) -> None:
    assert reason_of(raw(kind, 0)) is DropReason.UNSUPPORTED_ICMP


@pytest.mark.rfc("1812:4.3.2.3")
def test_an_error_fits_576_bytes() -> None:
    message = icmp.TimeExceeded(icmp.TTL_EXCEEDED, icmp.quote(OFFENDER))
    assert len(icmp.emit_icmp(message)) == 576 - 20
    assert len(icmp.emit_icmp(icmp.TimeExceeded(0, bytes(3000)))) == 576 - 20
    assert len(icmp.emit_icmp(icmp.EchoReply(0, 0, bytes(3000)))) == 3008


def test_what_an_error_quotes() -> None:
    quoted = icmp.parse_quoted(icmp.quote(OFFENDER)[:28])
    assert quoted == icmp.QuotedPacket(b"\x0a\0\0\1", b"\x0a\0\0\2", 6, 2040, 40000, 8080, 0xDEADBEEF)


def test_quotations_that_tell_nothing() -> None:
    whole = icmp.quote(OFFENDER)
    fragment = icmp.quote(Ipv4Packet(b"\x0a\0\0\1", b"\x0a\0\0\2", 6, bytes(64), fragment_offset_bytes=8))
    for data, reason in [
        (b"", DropReason.TRUNCATED),
        (whole[:27], DropReason.TRUNCATED),
        (b"\x4f" + whole[1:60], DropReason.TRUNCATED),
        (b"\x65" + whole[1:], DropReason.IP_VERSION),
        (b"\x44" + whole[1:], DropReason.IP_HEADER),
        (fragment, DropReason.FRAGMENT),
    ]:
        with pytest.raises(WireError) as caught:
            icmp.parse_quoted(data)
        assert caught.value.reason is reason
