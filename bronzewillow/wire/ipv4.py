"""IPv4 packets (RFC 791, RFC 1122 3.2.1, RFC 6864)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bronzewillow.wire.checksum import Buffer, internet_checksum
from bronzewillow.wire.errors import DropReason, WireError

ETHERTYPE = 0x0800
HEADER_BYTES = 20
MAX_TOTAL_BYTES = 0xFFFF

_HEADER = struct.Struct("!BBHHHBBH4s4s")
_LOOSE_SOURCE_ROUTE = 131
_STRICT_SOURCE_ROUTE = 137


@dataclass(frozen=True, slots=True)
class Ipv4Packet:
    source: bytes
    destination: bytes
    protocol: int
    payload: bytes
    ttl: int = 64
    tos: int = 0
    """DSCP and ECN, the whole byte."""
    identification: int = 0
    """May stay 0 in an atomic packet, one with DF set that is no fragment (RFC 6864 4.1)."""
    dont_fragment: bool = True
    more_fragments: bool = False
    fragment_offset_bytes: int = 0
    """A multiple of 8."""
    options: bytes = b""
    """The option area as it stands, a multiple of 4 bytes; nothing in it is acted upon."""

    @property
    def is_fragment(self) -> bool:
        return self.more_fragments or self.fragment_offset_bytes != 0


def parse_ipv4(data: Buffer) -> Ipv4Packet:
    """Parse and verify a packet. Raises WireError.

    Bytes after the total length, the padding of short frames, are cut.
    Options are skipped, except that a malformed one and a source route drop the packet.
    """
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    (
        version_ihl,
        tos,
        total_bytes,
        identification,
        flags_offset,
        ttl,
        protocol,
        _checksum,
        source,
        destination,
    ) = _HEADER.unpack_from(data)
    if version_ihl >> 4 != 4:
        raise WireError(DropReason.IP_VERSION)
    header_bytes = (version_ihl & 0xF) << 2
    if header_bytes < HEADER_BYTES or total_bytes < header_bytes:
        raise WireError(DropReason.IP_HEADER)
    if total_bytes > len(data):
        raise WireError(DropReason.TRUNCATED)
    if internet_checksum(data[:header_bytes]) != 0:
        raise WireError(DropReason.BAD_IP_CHECKSUM)
    options = bytes(data[HEADER_BYTES:header_bytes])
    if options:
        _check_options(options)
    return Ipv4Packet(
        source,
        destination,
        protocol,
        bytes(data[header_bytes:total_bytes]),
        ttl,
        tos,
        identification,
        bool(flags_offset & 0x4000),
        bool(flags_offset & 0x2000),
        (flags_offset & 0x1FFF) << 3,
        options,
    )


def emit_ipv4(packet: Ipv4Packet) -> bytes:
    """The packet with its header checksum. Raises WireError OVERSIZE above 65,535 bytes."""
    header_bytes = HEADER_BYTES + len(packet.options)
    total_bytes = header_bytes + len(packet.payload)
    if total_bytes > MAX_TOTAL_BYTES:
        raise WireError(DropReason.OVERSIZE)
    header = _HEADER.pack(
        0x40 | header_bytes >> 2,
        packet.tos,
        total_bytes,
        packet.identification,
        packet.dont_fragment << 14 | packet.more_fragments << 13 | packet.fragment_offset_bytes >> 3,
        packet.ttl,
        packet.protocol,
        0,
        packet.source,
        packet.destination,
    )
    checksum = internet_checksum(header + packet.options)
    return b"".join((header[:10], checksum.to_bytes(2, "big"), header[12:], packet.options, packet.payload))


def _check_options(options: bytes) -> None:
    """RFC 1122 3.2.1.8: options are walked by their lengths; only whether they can be walked matters here."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == 0:  # end of option list
            return
        if kind == 1:  # no operation
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2 or at + options[at + 1] > len(options):
            raise WireError(DropReason.IP_OPTIONS)
        if kind in (_LOOSE_SOURCE_ROUTE, _STRICT_SOURCE_ROUTE):
            raise WireError(DropReason.SOURCE_ROUTE)  # RFC 7126 4.3, 4.4: drop by default
        at += options[at + 1]
