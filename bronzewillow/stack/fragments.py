"""Fragments of both families: putting them together, and making them.

Read RFC 791 3.2, RFC 1858, RFC 8200 4.5 and, on overlaps, RFC 5722 before editing.

Memory is bounded in bytes for the whole stack; the oldest incomplete packet gives way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ip import IpPacket
from bronzewillow.wire.ipv4 import HEADER_BYTES, MAX_TOTAL_BYTES, Ipv4Packet
from bronzewillow.wire.ipv6 import FRAGMENT_HEADER_BYTES, MAX_PAYLOAD_BYTES, Ipv6Packet
from bronzewillow.wire.ipv6 import HEADER_BYTES as IPV6_HEADER_BYTES

_LIFETIME = 30_000_000  # RFC 1122 3.3.2 and RFC 8200 4.5 have 60 s as an upper value; Linux waits 30
_MOST_PIECES = 128  # of one packet, each of which is compared with all others: 64 KiB in 576 bytes are 119
_OVERHEAD_BYTES = 256  # what an entry costs beside its bytes, so that empty ones count too

Key = tuple[bytes, bytes, int, int]
_Packet = TypeVar("_Packet", Ipv4Packet, Ipv6Packet)


@dataclass(slots=True)
class _Incomplete:
    deadline: int
    first: IpPacket | None = None
    total_bytes: int | None = None
    pieces: dict[int, bytes] = field(default_factory=dict)
    held_bytes: int = 0


class Reassembler:
    """All incomplete packets of one stack."""

    def __init__(self, max_bytes: int, drops: Counter[DropReason]) -> None:
        self._max_bytes = max_bytes
        self._drops = drops
        self._incomplete: dict[Key, _Incomplete] = {}  # oldest first
        self.held_bytes = 0

    def add(self, fragment: IpPacket, now: int) -> IpPacket | None:
        """The whole packet once its last piece is in; None until then, and when it never will be.

        Of IPv6 its payload may begin with extension headers: see `wire.ipv6.unwrap`.
        """
        self.expire(now)
        start, size = fragment.fragment_offset_bytes, len(fragment.payload)
        # RFC 8200 4.5: what a later fragment of IPv6 says of the next header is not heeded
        protocol = fragment.protocol if isinstance(fragment, Ipv4Packet) else -1
        key = (fragment.source, fragment.destination, protocol, fragment.identification)
        malformed = size == 0 or (fragment.more_fragments and size % 8)
        if malformed or start + size > _room(fragment):
            self._drops[DropReason.FRAGMENT] += 1
            return None
        entry = self._incomplete.get(key)
        if entry is None:
            entry = self._incomplete[key] = _Incomplete(now + _LIFETIME)
        if entry.pieces.get(start) == fragment.payload:
            return None  # an exact duplicate
        if self._conflicts(entry, fragment):
            self._drop(key, DropReason.FRAGMENT)
            return None
        if start == 0:
            entry.first = fragment
        if not fragment.more_fragments:
            entry.total_bytes = start + size
        entry.pieces[start] = fragment.payload
        entry.held_bytes += size + _OVERHEAD_BYTES
        self.held_bytes += size + _OVERHEAD_BYTES
        if entry.first is not None and sum(map(len, entry.pieces.values())) == entry.total_bytes:
            del self._incomplete[key]
            self.held_bytes -= entry.held_bytes
            payload = b"".join(entry.pieces[at] for at in sorted(entry.pieces))
            return _whole(entry.first, payload)
        if len(entry.pieces) > _MOST_PIECES:
            self._drop(key, DropReason.FRAGMENT)
        while self.held_bytes > self._max_bytes:
            self._drop(next(iter(self._incomplete)), DropReason.REASSEMBLY_LIMIT)
        return None

    def expire(self, now: int) -> None:
        """Forget what has waited too long."""
        while self._incomplete:
            key, entry = next(iter(self._incomplete.items()))
            if entry.deadline > now:
                return
            self._drop(key, DropReason.REASSEMBLY_TIMEOUT)

    @staticmethod
    def _conflicts(entry: _Incomplete, fragment: IpPacket) -> bool:
        """RFC 5722 4, applied to IPv4 too: a packet with overlapping fragments is an attack, not a packet."""
        start = fragment.fragment_offset_bytes
        end = start + len(fragment.payload)
        if entry.total_bytes is not None and (end > entry.total_bytes or not fragment.more_fragments):
            return True
        if not fragment.more_fragments and any(at + len(p) > end for at, p in entry.pieces.items()):
            return True
        return any(at < end and start < at + len(p) for at, p in entry.pieces.items())

    def _drop(self, key: Key, reason: DropReason) -> None:
        entry = self._incomplete.pop(key)
        self.held_bytes -= entry.held_bytes
        self._drops[reason] += max(len(entry.pieces), 1)


def fragment(packet: _Packet, mtu: int, identification: int) -> list[_Packet]:
    """`packet` in pieces that fit `mtu` bytes; itself when it fits. Never used for TCP."""
    if isinstance(packet, Ipv4Packet):
        header_bytes = HEADER_BYTES
    else:
        header_bytes = IPV6_HEADER_BYTES + _extension_bytes(packet)
    if header_bytes + len(packet.payload) <= mtu:
        return [packet]
    if isinstance(packet, Ipv4Packet):
        packet = replace(packet, dont_fragment=False)
    else:
        header_bytes += FRAGMENT_HEADER_BYTES
    step = (mtu - header_bytes) // 8 * 8
    return [
        replace(
            packet,
            payload=packet.payload[at : at + step],
            identification=identification,
            more_fragments=at + step < len(packet.payload),
            fragment_offset_bytes=at,
        )
        for at in range(0, len(packet.payload), step)
    ]


def _room(fragment: IpPacket) -> int:
    """How many bytes the packet that `fragment` is of can carry."""
    if isinstance(fragment, Ipv4Packet):
        return MAX_TOTAL_BYTES - HEADER_BYTES
    return MAX_PAYLOAD_BYTES - _extension_bytes(fragment)


def _extension_bytes(packet: Ipv6Packet) -> int:
    return sum(2 + len(body) for _, body in packet.extensions)


def _whole(first: IpPacket, payload: bytes) -> IpPacket:
    if isinstance(first, Ipv4Packet):
        return replace(first, payload=payload, more_fragments=False)
    return replace(first, payload=payload, more_fragments=False, identification=0)
