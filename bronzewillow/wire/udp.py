"""UDP datagrams (RFC 768; RFC 8200 8.1 for IPv6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bronzewillow.wire.checksum import (
    Buffer,
    PartialPolicy,
    Verdict,
    internet_checksum,
    pseudo_header_sum,
    verify,
)
from bronzewillow.wire.errors import DropReason, WireError

PROTOCOL = 17
HEADER_BYTES = 8
MAX_PAYLOAD_BYTES = 0xFFFF - HEADER_BYTES

_HEADER = struct.Struct("!HHHH")


@dataclass(frozen=True, slots=True)
class UdpDatagram:
    source_port: int
    destination_port: int
    payload: bytes = b""


def verify_udp(data: Buffer, source: bytes, destination: bytes, *, partial: PartialPolicy) -> Verdict:
    """Judge the checksum of a datagram that is at least a header and exactly its own length field long.

    Zero means that the sender computed none: legal in IPv4 (RFC 1122 4.1.3.4), not in IPv6 (RFC 8200 8.1).
    """
    stored = data[6] << 8 | data[7]
    if stored == 0:
        return Verdict.GOOD if len(source) == 4 else Verdict.BAD
    return verify(data, stored, pseudo_header_sum(source, destination, PROTOCOL, len(data)), partial)


def parse_udp(
    data: Buffer, source: bytes, destination: bytes, *, partial: PartialPolicy = PartialPolicy.NEVER
) -> UdpDatagram:
    """Parse and verify an IP payload of protocol 17, cut to its length field. Raises WireError."""
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    source_port, destination_port, length, _stored = _HEADER.unpack_from(data)
    if length < HEADER_BYTES or length > len(data):
        raise WireError(DropReason.BAD_UDP_LENGTH)
    data = data[:length]
    if verify_udp(data, source, destination, partial=partial) is Verdict.BAD:
        raise WireError(DropReason.BAD_UDP_CHECKSUM)
    return UdpDatagram(source_port, destination_port, bytes(data[HEADER_BYTES:]))


def emit_udp(datagram: UdpDatagram, source: bytes, destination: bytes) -> bytes:
    """The datagram with its checksum; a computed 0 is sent as 0xFFFF (RFC 768). Raises WireError OVERSIZE."""
    length = HEADER_BYTES + len(datagram.payload)
    if length > 0xFFFF:
        raise WireError(DropReason.OVERSIZE)
    header = _HEADER.pack(datagram.source_port, datagram.destination_port, length, 0)
    pseudo_sum = pseudo_header_sum(source, destination, PROTOCOL, length)
    checksum = internet_checksum(header + datagram.payload, pseudo_sum) or 0xFFFF
    return b"".join((header[:6], checksum.to_bytes(2, "big"), datagram.payload))
