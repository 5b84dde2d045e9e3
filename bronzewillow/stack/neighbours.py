"""Address resolution. The overlay's neighbours are static, so a stack only ever answers (RFC 826)."""

from __future__ import annotations

from bronzewillow.wire.arp import REPLY, REQUEST, ArpPacket


def answer_arp(request: ArpPacket, address: bytes, mac: bytes) -> ArpPacket | None:
    """The reply to a request for `address`, which lives at `mac`; None when there is nothing to answer.

    Nothing is learned from it: what a stranger says of himself is how neighbours get poisoned.
    """
    if request.operation != REQUEST or request.tpa != address or request.spa == address:
        return None
    return ArpPacket(REPLY, mac, address, request.sha, request.spa)
