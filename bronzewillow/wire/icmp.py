"""ICMP messages (RFC 792, RFC 1122 3.2.2, RFC 1191) and the packet that an error quotes.

Messages nobody should send any more (source quench, redirect, timestamp, mask) raise UNSUPPORTED_ICMP.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bronzewillow.wire.checksum import Buffer, PartialPolicy, internet_checksum
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4

PROTOCOL = 1
HEADER_BYTES = 8
MAX_ERROR_BYTES = 576 - 20
"""An error quotes as much as fits a packet of 576 bytes (RFC 1812 4.3.2.3)."""

# codes of DestinationUnreachable
NET_UNREACHABLE = 0
HOST_UNREACHABLE = 1
PROTOCOL_UNREACHABLE = 2
PORT_UNREACHABLE = 3
FRAGMENTATION_NEEDED = 4
ADMINISTRATIVELY_PROHIBITED = 13

# codes of TimeExceeded
TTL_EXCEEDED = 0
REASSEMBLY_EXCEEDED = 1

_HEADER = struct.Struct("!BBHHH")


@dataclass(frozen=True, slots=True)
class EchoRequest:
    identifier: int
    sequence: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class EchoReply:
    identifier: int
    sequence: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class DestinationUnreachable:
    code: int
    quoted: bytes = b""
    """The offending packet from its IP header on, as much of it as was sent."""
    next_hop_mtu: int = 0
    """Bytes; only with code FRAGMENTATION_NEEDED, and 0 from routers older than RFC 1191."""


@dataclass(frozen=True, slots=True)
class TimeExceeded:
    code: int
    quoted: bytes = b""


@dataclass(frozen=True, slots=True)
class ParameterProblem:
    code: int
    quoted: bytes = b""
    pointer: int = 0
    """Offset in the quoted packet of the byte at fault."""


IcmpError = DestinationUnreachable | TimeExceeded | ParameterProblem
IcmpMessage = EchoRequest | EchoReply | IcmpError


@dataclass(frozen=True, slots=True)
class QuotedPacket:
    """What an ICMP error says about the packet that caused it. Nothing of it is authenticated."""

    source: bytes
    destination: bytes
    protocol: int
    total_bytes: int
    """Total length field of the quoted packet."""
    source_port: int
    destination_port: int
    seq: int
    """The bytes 4 to 8 after the IP header: the sequence number, if the protocol is TCP."""


def parse_icmp(data: Buffer, *, partial: PartialPolicy = PartialPolicy.NEVER) -> IcmpMessage:
    """Parse an IP payload of protocol 1 and verify its checksum. Raises WireError.

    ICMP has no pseudo-header, so there is no partial checksum to accept; `always` skips the check anyway.
    """
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    kind, code, _stored, high, low = _HEADER.unpack_from(data)
    if partial is not PartialPolicy.ALWAYS and internet_checksum(data) != 0:
        raise WireError(DropReason.BAD_ICMP_CHECKSUM)
    rest = bytes(data[HEADER_BYTES:])
    if kind in (0, 8):
        if code != 0:
            raise WireError(DropReason.BAD_ICMP)
        return EchoRequest(high, low, rest) if kind == 8 else EchoReply(high, low, rest)
    if kind == 3:
        return DestinationUnreachable(code, rest, low if code == FRAGMENTATION_NEEDED else 0)
    if kind == 11:
        return TimeExceeded(code, rest)
    if kind == 12:
        return ParameterProblem(code, rest, high >> 8)
    raise WireError(DropReason.UNSUPPORTED_ICMP)


def emit_icmp(message: IcmpMessage) -> bytes:
    """The message with its checksum. An error's quotation is cut so that its packet has at most 576 bytes."""
    match message:
        case EchoRequest(identifier, sequence, data):
            kind, code, high, low, rest = 8, 0, identifier, sequence, data
        case EchoReply(identifier, sequence, data):
            kind, code, high, low, rest = 0, 0, identifier, sequence, data
        case DestinationUnreachable(code, quoted, next_hop_mtu):
            kind, high, low, rest = 3, 0, next_hop_mtu, quoted
        case TimeExceeded(code, quoted):
            kind, high, low, rest = 11, 0, 0, quoted
        case ParameterProblem(code, quoted, pointer):
            kind, high, low, rest = 12, pointer << 8, 0, quoted
    if kind not in (0, 8):
        rest = rest[: MAX_ERROR_BYTES - HEADER_BYTES]
    checksum = internet_checksum(_HEADER.pack(kind, code, 0, high, low) + rest)
    return _HEADER.pack(kind, code, checksum, high, low) + rest


def quote(packet: Ipv4Packet) -> bytes:
    """What an error about `packet` quotes of it: its header and the beginning of its payload."""
    return emit_ipv4(packet)[: MAX_ERROR_BYTES - HEADER_BYTES]


def parse_quoted(quoted: Buffer) -> QuotedPacket:
    """Read the quoted packet: its IPv4 header and the first 8 bytes after it. Raises WireError.

    The header checksum is not verified: routers change TTL and may quote either side of that change.
    """
    if len(quoted) < 20:
        raise WireError(DropReason.TRUNCATED)
    if quoted[0] >> 4 != 4:
        raise WireError(DropReason.IP_VERSION)
    header_bytes = (quoted[0] & 0xF) << 2
    if header_bytes < 20:
        raise WireError(DropReason.IP_HEADER)
    if len(quoted) < header_bytes + 8:
        raise WireError(DropReason.TRUNCATED)
    if (quoted[6] & 0x1F) << 8 | quoted[7]:
        raise WireError(DropReason.FRAGMENT)  # a later fragment: what follows is no transport header
    source_port, destination_port, seq = struct.unpack_from("!HHI", quoted, header_bytes)
    return QuotedPacket(
        bytes(quoted[12:16]),
        bytes(quoted[16:20]),
        quoted[9],
        quoted[2] << 8 | quoted[3],
        source_port,
        destination_port,
        seq,
    )
