"""Geneve (RFC 8926 3.4, 3.5) carrying Ethernet. No option is known here, so none is kept."""

from __future__ import annotations

from dataclasses import dataclass

from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.errors import DropReason, WireError

HEADER_BYTES = 8
DEFAULT_PORT = 6081
PROTOCOL_TYPE = 0x6558
"""Transparent Ethernet bridging."""

_CONTROL = 0x80
_CRITICAL_PRESENT = 0x40
_OPTION_HEADER_BYTES = 4
_CRITICAL = 0x80


@dataclass(frozen=True, slots=True)
class GeneveDatagram:
    vni: int
    """24 bits."""
    frame: bytes = b""
    """The inner Ethernet frame."""


def parse_geneve(data: Buffer) -> GeneveDatagram:
    """Parse an outer UDP payload; options are skipped, but a critical one drops it. Raises WireError."""
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    if data[0] >> 6 != 0:
        raise WireError(DropReason.GENEVE_VERSION)
    if data[1] & _CONTROL:
        raise WireError(DropReason.GENEVE_CONTROL)
    if data[2] << 8 | data[3] != PROTOCOL_TYPE:
        raise WireError(DropReason.GENEVE_PROTOCOL)
    frame_at = HEADER_BYTES + ((data[0] & 0x3F) << 2)
    if frame_at > len(data):
        raise WireError(DropReason.TRUNCATED)
    if frame_at > HEADER_BYTES:
        _check_options(data, frame_at, bool(data[1] & _CRITICAL_PRESENT))
    return GeneveDatagram(int.from_bytes(data[4:7], "big"), bytes(data[frame_at:]))


def emit_geneve(datagram: GeneveDatagram) -> bytes:
    header = (PROTOCOL_TYPE << 32 | datagram.vni << 8).to_bytes(HEADER_BYTES, "big")
    return header + datagram.frame


def _check_options(data: Buffer, end: int, critical_present: bool) -> None:
    """RFC 8926 3.5: options fill the option length exactly.

    The C bit only tells whether a walk is needed to find critical options (RFC 8926 3.4); an option that is
    marked critical while the bit is clear is therefore skipped like any other.
    """
    at = HEADER_BYTES
    while at < end:
        if at + _OPTION_HEADER_BYTES > end:
            raise WireError(DropReason.GENEVE_OPTION)
        if critical_present and data[at + 2] & _CRITICAL:
            raise WireError(DropReason.GENEVE_CRITICAL_OPTION)
        at += _OPTION_HEADER_BYTES + ((data[at + 3] & 0x1F) << 2)
    if at != end:
        raise WireError(DropReason.GENEVE_OPTION)
