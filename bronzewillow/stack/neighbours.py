"""Address resolution (RFC 826, RFC 4861). The overlay's neighbours are static: a node only ever answers."""

from __future__ import annotations

from collections.abc import Container

from bronzewillow.wire import icmpv6, nd
from bronzewillow.wire.arp import REPLY, REQUEST, ArpPacket
from bronzewillow.wire.ipv6 import Ipv6Packet


def answer_arp(request: ArpPacket, address: bytes, mac: bytes) -> ArpPacket | None:
    """The reply to a request for `address`, which lives at `mac`; None when there is nothing to answer.

    Nothing is learned from it: what a stranger says of himself is how neighbours get poisoned.
    """
    if request.operation != REQUEST or request.tpa != address or request.spa == address:
        return None
    return ArpPacket(REPLY, mac, address, request.sha, request.spa)


def answer_solicitation(packet: Ipv6Packet, addresses: Container[bytes], mac: bytes) -> Ipv6Packet | None:
    """The advertisement that answers a solicitation for one of `addresses`, all of which live at `mac`.

    None when there is nothing to answer. Raises WireError. Nothing is learned here, either.
    """
    message = icmpv6.parse_icmpv6(packet.payload, packet.source, packet.destination)
    if not isinstance(message, nd.NeighborSolicitation) or message.target not in addresses:
        return None
    if packet.source == bytes(16) or packet.source == message.target:
        return None  # somebody who would take our address asks whether it is free (RFC 4862 5.4.3)
    advertisement = nd.NeighborAdvertisement(message.target, mac, solicited=True, override=True)
    payload = icmpv6.emit_icmpv6(advertisement, message.target, packet.source)
    return Ipv6Packet(message.target, packet.source, icmpv6.PROTOCOL, payload, nd.HOP_LIMIT)
