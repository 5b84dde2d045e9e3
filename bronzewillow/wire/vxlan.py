"""VXLAN (RFC 7348 5), as strict about the bits it does not know as kernel peers are."""

from __future__ import annotations

from dataclasses import dataclass

from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.errors import DropReason, WireError

HEADER_BYTES = 8
DEFAULT_PORT = 4789
_VNI_VALID = 0x08


@dataclass(frozen=True, slots=True)
class VxlanDatagram:
    vni: int
    """24 bits."""
    frame: bytes = b""
    """The inner Ethernet frame."""


def parse_vxlan(data: Buffer) -> VxlanDatagram:
    """Parse an outer UDP payload. Raises WireError.

    deviation: RFC 7348 5 has reserved bits ignored. A set bit means an extension (group policy, generic
    protocol) that changes what the header or the payload says, so Linux drops it, and so do we.
    """
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    if data[0] != _VNI_VALID:
        raise WireError(DropReason.VXLAN_FLAGS)
    if data[1] | data[2] | data[3] | data[7]:
        raise WireError(DropReason.VXLAN_RESERVED)
    return VxlanDatagram(int.from_bytes(data[4:7], "big"), bytes(data[HEADER_BYTES:]))


def emit_vxlan(datagram: VxlanDatagram) -> bytes:
    return (_VNI_VALID << 56 | datagram.vni << 8).to_bytes(HEADER_BYTES, "big") + datagram.frame
