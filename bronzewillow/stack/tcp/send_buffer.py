"""Bytes that the user has handed over and the peer has not acknowledged."""

from __future__ import annotations

from bisect import bisect_right

#: From this size on a piece that is `bytes` is kept as it is; smaller ones are copied together. One large
#: buffer for all would be resized with each append and each acknowledgment, and the system then gives its
#: memory back and forth, a page fault for every 4 KiB.
_KEPT_BYTES = 32 << 10


class SendBuffer:
    """A bounded byte queue addressed by stream offset: 0 is the first byte the user ever sent.

    `start` is the offset of the first byte held, `end` the one after the last.
    """

    __slots__ = ("_limit_bytes", "_offsets", "_pieces", "capacity_bytes", "end", "start")

    def __init__(self, initial_bytes: int, limit_bytes: int) -> None:
        """Room for `initial_bytes`, which may `grow` up to `limit_bytes`."""
        self._pieces: list[bytes | bytearray] = []
        self._offsets: list[int] = []  # of the first byte of each
        self._limit_bytes = limit_bytes
        self.capacity_bytes = min(initial_bytes, limit_bytes)
        self.start = 0
        self.end = 0

    @property
    def free_bytes(self) -> int:
        """How much `append` would take."""
        return self.capacity_bytes - (self.end - self.start)

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, data: bytes | bytearray | memoryview) -> int:
        """Take as much of `data` as there is room for; the number of bytes taken."""
        taken = min(len(data), self.free_bytes)
        if not taken:
            return 0
        if taken < len(data):
            data = memoryview(data)[:taken]
        last = self._pieces[-1] if self._pieces else None
        if taken >= _KEPT_BYTES:
            self._add(bytes(data))  # no copy of what is `bytes` and whole
        elif isinstance(last, bytearray) and len(last) + taken <= 2 * _KEPT_BYTES:
            last += data
        else:
            self._add(bytearray(data))
        self.end += taken
        return taken

    def grow(self, wanted_bytes: int) -> None:
        """More room, as far as the limit goes; it never shrinks."""
        self.capacity_bytes = max(self.capacity_bytes, min(wanted_bytes, self._limit_bytes))

    def peek(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from stream `offset` on."""
        end = min(offset + size, self.end)
        index = bisect_right(self._offsets, offset) - 1
        parts = []
        while offset < end:
            piece, first = self._pieces[index], self._offsets[index]
            until = min(end, first + len(piece))
            parts.append(memoryview(piece)[offset - first : until - first])
            offset = until
            index += 1
        return b"".join(parts)

    def release(self, offset: int) -> int:
        """Forget what lies before `offset`, which the peer has acknowledged; the number of bytes freed."""
        before = self.start
        self.start = min(max(offset, before), self.end)
        whole = bisect_right(self._offsets, self.start) - 1 if self.start < self.end else len(self._pieces)
        if whole > 0:
            del self._pieces[:whole], self._offsets[:whole]
        return self.start - before

    def clear(self) -> None:
        """Drop everything: the connection has ended."""
        self.start = self.end
        self._pieces.clear()
        self._offsets.clear()

    def _add(self, piece: bytes | bytearray) -> None:
        self._pieces.append(piece)
        self._offsets.append(self.end)
