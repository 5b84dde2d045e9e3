"""Bytes that arrived ahead of RCV.NXT, and the SACK blocks that tell the peer of them.

Positions are offsets from the start of the peer's stream and never wrap. The first copy of a byte wins: a
later overlap with other contents changes nothing (the case for it is an attacker's, never a sender's).
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter

_START = itemgetter(0)
MAX_SACK_BLOCKS = 3  # RFC 2018 3: three fit beside the timestamp option


class Reassembly:
    """Disjoint, sorted ranges above the next expected position, bounded in number."""

    __slots__ = ("_data", "_max_ranges", "_ranges", "_recent", "buffered_bytes")

    def __init__(self, max_ranges: int) -> None:
        self._ranges: list[tuple[int, int]] = []  # disjoint and never touching
        self._data: dict[int, bytearray] = {}  # start of a range -> its bytes
        self._recent: list[int] = []  # a position inside each recently changed range, newest first
        self._max_ranges = max_ranges
        self.buffered_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def insert(self, position: int, data: bytes) -> bool:
        """Keep `data`; False when it would take one range too many and was dropped."""
        end = position + len(data)
        index = bisect_left(self._ranges, position, key=_START)
        if index and self._ranges[index - 1][1] >= position:
            index -= 1
        last = index
        while last < len(self._ranges) and self._ranges[last][0] <= end:
            last += 1
        touched = self._ranges[index:last]
        if not touched and len(self._ranges) >= self._max_ranges:
            return False
        if touched and touched[0][0] <= position:
            (start, at), rest = touched[0], touched[1:]
            buffer = self._data.pop(start)
        else:
            start, at, rest = position, position, touched
            buffer = bytearray()
        for left, right in rest:
            if at < left:
                buffer += data[at - position : left - position]
            buffer += self._data.pop(left)
            at = right
        if at < end:
            buffer += data[at - position :]
        stop = start + len(buffer)
        self.buffered_bytes += len(buffer) - sum(right - left for left, right in touched)
        self._ranges[index:last] = [(start, stop)]
        self._data[start] = buffer
        self._recent = [position, *(p for p in self._recent if not start <= p < stop)][:MAX_SACK_BLOCKS]
        return True

    def overlap(self, start: int, stop: int) -> tuple[int, int] | None:
        """The first part of [start, stop) that is here already."""
        index = bisect_left(self._ranges, start + 1, key=_START) - 1
        if index < 0 or self._ranges[index][1] <= start:
            index += 1
        if index == len(self._ranges) or self._ranges[index][0] >= stop:
            return None
        return max(self._ranges[index][0], start), min(self._ranges[index][1], stop)

    def take(self, position: int) -> bytes:
        """The bytes that follow in order from `position`, if any; ranges before it are forgotten."""
        taken = b""
        while self._ranges and self._ranges[0][0] <= position:
            start, stop = self._ranges.pop(0)
            buffer = self._data.pop(start)
            self.buffered_bytes -= stop - start
            if stop > position:
                taken += bytes(buffer[position - start :]) if position > start else bytes(buffer)
                position = stop
        return taken

    def sack_blocks(self) -> list[tuple[int, int]]:
        """RFC 2018 4: the range that changed last comes first, then the ones before it."""
        blocks: list[tuple[int, int]] = []
        for position in self._recent:
            index = bisect_left(self._ranges, position + 1, key=_START) - 1
            if index >= 0 and self._ranges[index][0] <= position < self._ranges[index][1]:
                blocks.append(self._ranges[index])
        return blocks

    def clear(self) -> None:
        """The connection has ended."""
        self._ranges.clear()
        self._data.clear()
        self._recent.clear()
        self.buffered_bytes = 0
