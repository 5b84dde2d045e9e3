"""Bytes and values: codecs that parse and emit every header, and the kernel of the two per-packet loops."""

from __future__ import annotations

from bronzewillow.wire.arp import ArpPacket
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.packet import Packet, TcpPacket
from bronzewillow.wire.tcp import NO_OPTIONS, Flags, TcpOptions, TcpSegment

__all__ = [
    "NO_OPTIONS",
    "ArpPacket",
    "DropReason",
    "Encap",
    "Flags",
    "Ipv4Packet",
    "Ipv6Packet",
    "Packet",
    "PartialPolicy",
    "TcpOptions",
    "TcpPacket",
    "TcpSegment",
    "WireError",
]
