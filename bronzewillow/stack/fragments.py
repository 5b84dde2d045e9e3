"""IPv4 fragments: putting them together (RFC 791 3.2, RFC 1858; RFC 5722 on overlaps), and making them.

Memory is bounded in bytes for the whole stack; the oldest incomplete packet gives way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.ipv4 import HEADER_BYTES, MAX_TOTAL_BYTES, Ipv4Packet

_LIFETIME = 30_000_000  # RFC 1122 3.3.2 has 60 s as a recommended upper value; Linux waits 30
_OVERHEAD_BYTES = 256  # what an entry costs beside its bytes, so that empty ones count too

Key = tuple[bytes, bytes, int, int]


@dataclass(slots=True)
class _Incomplete:
    deadline: int
    first: Ipv4Packet | None = None
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

    def add(self, fragment: Ipv4Packet, now: int) -> Ipv4Packet | None:
        """The whole packet once its last piece is in; None until then, and when it never will be."""
        self.expire(now)
        start, size = fragment.fragment_offset_bytes, len(fragment.payload)
        key = (fragment.source, fragment.destination, fragment.protocol, fragment.identification)
        malformed = size == 0 or (fragment.more_fragments and size % 8)
        if malformed or start + size > MAX_TOTAL_BYTES - HEADER_BYTES:
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
            return replace(entry.first, payload=payload, more_fragments=False)
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
    def _conflicts(entry: _Incomplete, fragment: Ipv4Packet) -> bool:
        """RFC 5722 4, applied to IPv4: a packet with overlapping fragments is an attack, not a packet."""
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


def fragment(packet: Ipv4Packet, mtu: int, identification: int) -> list[Ipv4Packet]:
    """`packet` in pieces that fit `mtu` bytes; itself when it fits. Never used for TCP."""
    if HEADER_BYTES + len(packet.payload) <= mtu:
        return [packet]
    step = (mtu - HEADER_BYTES) // 8 * 8
    return [
        replace(
            packet,
            payload=packet.payload[at : at + step],
            identification=identification,
            dont_fragment=False,
            more_fragments=at + step < len(packet.payload),
            fragment_offset_bytes=at,
        )
        for at in range(0, len(packet.payload), step)
    ]
