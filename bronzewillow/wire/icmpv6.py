"""ICMPv6 messages (RFC 4443) and the packet that an error quotes.

Values that mean the same in both families are `icmp`'s; the codes differ and stand here. What an overlay's
endpoint has no use for (routers, multicast listeners, redirects) raises UNSUPPORTED_ICMP.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bronzewillow.wire import nd
from bronzewillow.wire.checksum import Buffer, PartialPolicy, internet_checksum, pseudo_header_sum
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.icmp import (
    DestinationUnreachable,
    EchoReply,
    EchoRequest,
    ParameterProblem,
    QuotedPacket,
    TimeExceeded,
)
from bronzewillow.wire.ipv6 import HEADER_BYTES as IPV6_HEADER_BYTES
from bronzewillow.wire.ipv6 import MIN_MTU, Ipv6Packet, emit_ipv6, parse_ipv6
from bronzewillow.wire.nd import NeighborAdvertisement, NeighborSolicitation

PROTOCOL = 58
HEADER_BYTES = 8
MAX_ERROR_BYTES = MIN_MTU - IPV6_HEADER_BYTES
"""An error quotes as much as fits the smallest MTU (RFC 4443 2.4 c)."""

# codes of DestinationUnreachable
NO_ROUTE = 0
ADMINISTRATIVELY_PROHIBITED = 1
ADDRESS_UNREACHABLE = 3
PORT_UNREACHABLE = 4

# codes of TimeExceeded
HOP_LIMIT_EXCEEDED = 0
REASSEMBLY_EXCEEDED = 1

# codes of ParameterProblem
UNRECOGNIZED_NEXT_HEADER = 1

_HEADER = struct.Struct("!BBHI")


@dataclass(frozen=True, slots=True)
class PacketTooBig:
    mtu: int
    """Bytes, of the link that the quoted packet did not fit."""
    quoted: bytes = b""


Icmpv6Error = DestinationUnreachable | PacketTooBig | TimeExceeded | ParameterProblem
Icmpv6Message = EchoRequest | EchoReply | Icmpv6Error | NeighborSolicitation | NeighborAdvertisement


def parse_icmpv6(
    data: Buffer, source: bytes, destination: bytes, *, partial: PartialPolicy = PartialPolicy.NEVER
) -> Icmpv6Message:
    """Parse an IPv6 payload of protocol 58 and verify its checksum. Raises WireError.

    No kernel leaves a checksum of ICMPv6 unfinished, so there is none to accept; `always` skips the check.
    """
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    if partial is not PartialPolicy.ALWAYS:
        pseudo_sum = pseudo_header_sum(source, destination, PROTOCOL, len(data))
        if internet_checksum(data, pseudo_sum) != 0:
            raise WireError(DropReason.BAD_ICMP_CHECKSUM)
    kind, code, _stored, word = _HEADER.unpack_from(data)
    rest = bytes(data[HEADER_BYTES:])
    if kind in (128, 129, nd.SOLICITATION, nd.ADVERTISEMENT) and code != 0:
        raise WireError(DropReason.BAD_ICMP)
    match kind:
        case 1:
            return DestinationUnreachable(code, rest)
        case 2:
            return PacketTooBig(word, rest)  # RFC 4443 3.2: the code is ignored
        case 3:
            return TimeExceeded(code, rest)
        case 4:
            return ParameterProblem(code, rest, word)
        case 128:
            return EchoRequest(word >> 16, word & 0xFFFF, rest)
        case 129:
            return EchoReply(word >> 16, word & 0xFFFF, rest)
        case nd.SOLICITATION | nd.ADVERTISEMENT:
            return nd.parse_neighbor(kind, bytes(data[4:]))
    raise WireError(DropReason.UNSUPPORTED_ICMP)


def emit_icmpv6(message: Icmpv6Message, source: bytes, destination: bytes) -> bytes:
    """The message with its checksum. An error's quotation is cut: its packet has 1,280 bytes at most."""
    code = 0
    match message:
        case EchoRequest(identifier, sequence, data):
            kind, rest = 128, struct.pack("!HH", identifier, sequence) + data
        case EchoReply(identifier, sequence, data):
            kind, rest = 129, struct.pack("!HH", identifier, sequence) + data
        case DestinationUnreachable(code, quoted):
            kind, rest = 1, bytes(4) + quoted
        case PacketTooBig(mtu, quoted):
            kind, rest = 2, mtu.to_bytes(4, "big") + quoted
        case TimeExceeded(code, quoted):
            kind, rest = 3, bytes(4) + quoted
        case ParameterProblem(code, quoted, pointer):
            kind, rest = 4, pointer.to_bytes(4, "big") + quoted
        case NeighborSolicitation() | NeighborAdvertisement():
            kind, rest = nd.emit_neighbor(message)
    if kind < 128:  # RFC 4443 2.1: the errors
        rest = rest[: MAX_ERROR_BYTES - 4]
    pseudo_sum = pseudo_header_sum(source, destination, PROTOCOL, 4 + len(rest))
    checksum = internet_checksum(bytes((kind, code, 0, 0)) + rest, pseudo_sum)
    return bytes((kind, code)) + checksum.to_bytes(2, "big") + rest


def solicited_target(packet: Ipv6Packet) -> bytes | None:
    """The address that `packet` asks for, if it is a neighbor solicitation; no checksum is looked at."""
    if packet.protocol != PROTOCOL or packet.hop_limit != nd.HOP_LIMIT or packet.is_fragment:
        return None
    payload = packet.payload
    return payload[8:24] if len(payload) >= 24 and payload[0] == nd.SOLICITATION else None


def quote(packet: Ipv6Packet) -> bytes:
    """What an error about `packet` quotes of it."""
    return emit_ipv6(packet)[: MAX_ERROR_BYTES - HEADER_BYTES]


def parse_quoted(quoted: Buffer) -> QuotedPacket:
    """Read the quoted packet: its headers and the 8 bytes after them. Raises WireError."""
    if len(quoted) < IPV6_HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    total_bytes = IPV6_HEADER_BYTES + (quoted[4] << 8 | quoted[5])
    # What was sent is longer than what is quoted; for the walk the quotation is the whole packet.
    cut = bytes(quoted[: min(len(quoted), total_bytes)])
    packet = parse_ipv6(cut[:4] + (len(cut) - IPV6_HEADER_BYTES).to_bytes(2, "big") + cut[6:])
    if packet.fragment_offset_bytes:
        raise WireError(DropReason.FRAGMENT)  # a later fragment: what follows is no transport header
    if len(packet.payload) < 8:
        raise WireError(DropReason.TRUNCATED)
    ports_and_seq = struct.unpack_from("!HHI", packet.payload)
    return QuotedPacket(packet.source, packet.destination, packet.protocol, total_bytes, *ports_and_seq)
