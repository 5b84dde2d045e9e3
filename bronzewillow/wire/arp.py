"""ARP for IPv4 over Ethernet (RFC 826)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.errors import DropReason, WireError

ETHERTYPE = 0x0806
REQUEST = 1
REPLY = 2
PACKET_BYTES = 28

_PACKET = struct.Struct("!HHBBH6s4s6s4s")


@dataclass(frozen=True, slots=True)
class ArpPacket:
    operation: int
    """REQUEST or REPLY; other values are carried as they are."""
    sha: bytes
    """Sender hardware address."""
    spa: bytes
    """Sender protocol address."""
    tha: bytes
    """Target hardware address."""
    tpa: bytes
    """Target protocol address."""


def parse_arp(data: Buffer) -> ArpPacket:
    """Parse an Ethernet payload; padding after it is ignored. Raises WireError."""
    if len(data) < PACKET_BYTES:
        raise WireError(DropReason.TRUNCATED)
    hardware, protocol, hardware_bytes, protocol_bytes, operation, sha, spa, tha, tpa = _PACKET.unpack_from(
        data
    )
    if hardware != 1 or protocol != 0x0800 or hardware_bytes != 6 or protocol_bytes != 4:
        raise WireError(DropReason.BAD_ARP)
    return ArpPacket(operation, sha, spa, tha, tpa)


def emit_arp(packet: ArpPacket) -> bytes:
    return _PACKET.pack(1, 0x0800, 6, 4, packet.operation, packet.sha, packet.spa, packet.tha, packet.tpa)
