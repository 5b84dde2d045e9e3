"""What moves between the overlay and a stack: one IP packet, or one TCP super-segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from bronzewillow.wire import tcp
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.ip import IpPacket
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet


@dataclass(frozen=True, slots=True)
class TcpPacket:
    """One TCP segment with its IP addresses; its checksums are verified already, or not computed yet.

    Outbound the payload is cut into pieces of at most `mss` bytes; inbound it may be the payload of many.
    """

    source: bytes
    destination: bytes
    segment: tcp.TcpSegment
    mss: int = 0
    """Outbound: largest payload of a piece, bytes; 0 means never cut."""
    tos: int = 0
    """Or the traffic class."""
    ttl: int = 64
    """Or the hop limit."""
    pieces: int = 1
    """Inbound: how many segments from the wire were merged into this one."""


class _TcpPacketDraft:
    """See `tcp.new_segment`."""

    __slots__ = ("destination", "mss", "pieces", "segment", "source", "tos", "ttl")

    def __init__(
        self,
        source: bytes,
        destination: bytes,
        segment: tcp.TcpSegment,
        mss: int = 0,
        tos: int = 0,
        ttl: int = 64,
        pieces: int = 1,
    ) -> None:
        self.source = source
        self.destination = destination
        self.segment = segment
        self.mss = mss
        self.tos = tos
        self.ttl = ttl
        self.pieces = pieces
        self.__class__ = TcpPacket  # type: ignore[assignment]


new_tcp_packet = cast("type[TcpPacket]", _TcpPacketDraft)
"""TcpPacket(...) made quickly, for once-per-segment code."""

Packet = IpPacket | TcpPacket
"""A TCP packet that is no fragment is always a TcpPacket; everything else is an IpPacket."""


def parse_tcp_packet(packet: IpPacket, *, partial: PartialPolicy = PartialPolicy.NEVER) -> TcpPacket:
    """A reassembled packet of protocol 6 as a TcpPacket. Raises WireError."""
    segment = tcp.parse_tcp(packet.payload, packet.source, packet.destination, partial=partial)
    if isinstance(packet, Ipv6Packet):
        return TcpPacket(
            packet.source, packet.destination, segment, 0, packet.traffic_class, packet.hop_limit
        )
    return TcpPacket(packet.source, packet.destination, segment, 0, packet.tos, packet.ttl)


def flatten(packet: TcpPacket) -> IpPacket:
    """The packet of an uncut TcpPacket."""
    return flatten_ipv4(packet) if len(packet.source) == 4 else flatten_ipv6(packet)


def flatten_ipv4(packet: TcpPacket) -> Ipv4Packet:
    """`flatten` where the family is known: don't fragment, identification 0 (RFC 6864 4.1)."""
    payload = tcp.emit_tcp(packet.segment, packet.source, packet.destination)
    return Ipv4Packet(packet.source, packet.destination, tcp.PROTOCOL, payload, packet.ttl, packet.tos)


def flatten_ipv6(packet: TcpPacket) -> Ipv6Packet:
    """`flatten` where the family is known."""
    payload = tcp.emit_tcp(packet.segment, packet.source, packet.destination)
    return Ipv6Packet(packet.source, packet.destination, tcp.PROTOCOL, payload, packet.ttl, packet.tos)
