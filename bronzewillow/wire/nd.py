"""Neighbor discovery (RFC 4861): the two messages that an overlay's endpoint may meet.

Here are the bodies, after the four bytes that all of ICMPv6 has; `icmpv6` puts them together.
"""

from __future__ import annotations

from dataclasses import dataclass

from bronzewillow.wire.errors import DropReason, WireError

SOLICITATION = 135
ADVERTISEMENT = 136
HOP_LIMIT = 255
"""Of every message: less has crossed a router, and is a forgery (RFC 4861 7.1)."""

_SOURCE_LINK_LAYER = 1
_TARGET_LINK_LAYER = 2
_ROUTER, _SOLICITED, _OVERRIDE = 0x80, 0x40, 0x20


@dataclass(frozen=True, slots=True)
class NeighborSolicitation:
    target: bytes
    source_mac: bytes | None = None
    """The source link-layer address option."""


@dataclass(frozen=True, slots=True)
class NeighborAdvertisement:
    target: bytes
    target_mac: bytes | None = None
    """The target link-layer address option."""
    router: bool = False
    solicited: bool = False
    override: bool = False


NeighborMessage = NeighborSolicitation | NeighborAdvertisement


def is_link_local(address: bytes) -> bool:
    """Whether `address` is in fe80::/10."""
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80


def parse_neighbor(kind: int, body: bytes) -> NeighborMessage:
    """`body` of a message of type SOLICITATION or ADVERTISEMENT. Raises WireError (RFC 4861 7.1)."""
    if len(body) < 20 or body[4] == 0xFF:
        raise WireError(DropReason.BAD_ICMP)
    target = body[4:20]
    wanted = _SOURCE_LINK_LAYER if kind == SOLICITATION else _TARGET_LINK_LAYER
    mac: bytes | None = None
    at = 20
    while at < len(body):
        size = body[at + 1] * 8 if at + 1 < len(body) else 0
        if size == 0 or at + size > len(body):
            raise WireError(DropReason.BAD_ICMP)
        if body[at] == wanted and size == 8:
            mac = body[at + 2 : at + 8]
        at += size
    if kind == SOLICITATION:
        return NeighborSolicitation(target, mac)
    flags = body[0]
    return NeighborAdvertisement(
        target, mac, bool(flags & _ROUTER), bool(flags & _SOLICITED), bool(flags & _OVERRIDE)
    )


def emit_neighbor(message: NeighborMessage) -> tuple[int, bytes]:
    """The type, and what `parse_neighbor` reads."""
    if isinstance(message, NeighborSolicitation):
        option = b"" if message.source_mac is None else bytes((_SOURCE_LINK_LAYER, 1)) + message.source_mac
        return SOLICITATION, bytes(4) + message.target + option
    flags = message.router * _ROUTER | message.solicited * _SOLICITED | message.override * _OVERRIDE
    option = b"" if message.target_mac is None else bytes((_TARGET_LINK_LAYER, 1)) + message.target_mac
    return ADVERTISEMENT, bytes((flags, 0, 0, 0)) + message.target + option
