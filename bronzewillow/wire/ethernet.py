"""Ethernet II frames without FCS, untagged."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.errors import DropReason, WireError

HEADER_BYTES = 14
VLAN_ETHERTYPES = frozenset((0x8100, 0x88A8, 0x9100))
"""802.1Q, 802.1ad, and the older QinQ type."""

_HEADER = struct.Struct("!6s6sH")


@dataclass(frozen=True, slots=True)
class EthernetFrame:
    destination: bytes
    source: bytes
    ethertype: int
    payload: bytes = b""


def parse_ethernet(data: Buffer) -> EthernetFrame:
    """Parse a frame; short-frame padding stays in the payload. Raises WireError, also for a VLAN tag."""
    if len(data) < HEADER_BYTES:
        raise WireError(DropReason.TRUNCATED)
    destination, source, ethertype = _HEADER.unpack_from(data)
    if ethertype in VLAN_ETHERTYPES:
        raise WireError(DropReason.VLAN_TAGGED)
    return EthernetFrame(destination, source, ethertype, bytes(data[HEADER_BYTES:]))


def emit_ethernet(frame: EthernetFrame) -> bytes:
    return _HEADER.pack(frame.destination, frame.source, frame.ethertype) + frame.payload
