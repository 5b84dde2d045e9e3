"""The two families seen as one: what a packet begins with says which it is."""

from __future__ import annotations

from bronzewillow.wire import ipv4, ipv6
from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv4 import Ipv4Packet, emit_ipv4, parse_ipv4
from bronzewillow.wire.ipv6 import Ipv6Packet, emit_ipv6, parse_ipv6

IpPacket = Ipv4Packet | Ipv6Packet


def parse_ip(data: Buffer) -> IpPacket:
    """A packet of either family. Raises WireError."""
    if len(data) == 0:
        raise WireError(DropReason.TRUNCATED)
    return parse_ipv6(data) if data[0] >> 4 == 6 else parse_ipv4(data)


def emit_ip(packet: IpPacket) -> bytes:
    """A packet of either family. Raises WireError OVERSIZE."""
    return emit_ipv6(packet) if isinstance(packet, Ipv6Packet) else emit_ipv4(packet)


def ethertype_of(address: bytes) -> int:
    """What a frame is marked with whose packet has an address like this one."""
    return ipv4.ETHERTYPE if len(address) == 4 else ipv6.ETHERTYPE


def header_bytes(address: bytes) -> int:
    """Of a header without options or extensions, in the family of `address`."""
    return ipv4.HEADER_BYTES if len(address) == 4 else ipv6.HEADER_BYTES


def is_no_source(address: bytes) -> bool:
    """Whether no honest packet comes from there: RFC 1122 3.2.1.3; RFC 4291 2.5.2, 2.5.3 and 2.7."""
    if len(address) == 4:
        return address[0] >= 224 or address[0] in (0, 127)
    return address[0] == 0xFF or address[:15] == bytes(15)
