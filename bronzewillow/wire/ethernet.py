"""Ethernet II frames without FCS, untagged."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.errors import DropReason, WireError

HEADER_BYTES = 14
VLAN_ETHERTYPES = frozenset((0x8100, 0x88A8, 0x9100))
"""802.1Q, 802.1ad, and the older QinQ type."""

_HEADER = struct.Struct("!6s6sH")


class MacRule(StrEnum):
    """What becomes of inner frames that are for another MAC than ours, or say that they come from ours."""

    ANY = "any"
    """They are taken, and nobody looks: where peers promise nothing about MACs."""
    NOTE = "note"
    """They are taken, and counted."""
    OWN = "own"
    """They are dropped, as the kernel's VXLAN drops them."""


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


def mac_mismatch(frame: EthernetFrame, mac: bytes, *, is_for_all: bool) -> DropReason | None:
    """What is wrong with the frame's MACs for a host that has `mac`.

    `is_for_all`: its packet may have come to a group address, such as a question for a neighbour.
    """
    if frame.source == mac:
        return DropReason.LOOPED_FRAME
    if frame.destination == mac or (is_for_all and frame.destination[0] & 1):
        return None
    return DropReason.FOREIGN_MAC


def emit_ethernet(frame: EthernetFrame) -> bytes:
    return _HEADER.pack(frame.destination, frame.source, frame.ethertype) + frame.payload
