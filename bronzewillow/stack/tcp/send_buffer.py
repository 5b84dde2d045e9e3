"""Bytes that the user has handed over and the peer has not acknowledged."""

from __future__ import annotations


class SendBuffer:
    """A bounded byte queue addressed by stream offset: 0 is the first byte the user ever sent.

    `start` is the offset of the first byte held, `end` the one after the last.
    """

    __slots__ = ("_bytes", "capacity_bytes", "start")

    def __init__(self, capacity_bytes: int) -> None:
        self._bytes = bytearray()
        self.capacity_bytes = capacity_bytes
        self.start = 0

    @property
    def end(self) -> int:
        """The stream offset after the last byte."""
        return self.start + len(self._bytes)

    @property
    def free_bytes(self) -> int:
        """How much `append` would take."""
        return self.capacity_bytes - len(self._bytes)

    def __len__(self) -> int:
        return len(self._bytes)

    def append(self, data: bytes | bytearray | memoryview) -> int:
        """Take as much of `data` as there is room for; the number of bytes taken."""
        taken = min(len(data), self.free_bytes)
        self._bytes += data if taken == len(data) else memoryview(data)[:taken]
        return taken

    def peek(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from stream `offset` on; a copy."""
        at = offset - self.start
        with memoryview(self._bytes) as view:
            return bytes(view[at : at + size])

    def release(self, offset: int) -> int:
        """Forget what lies before `offset`, which the peer has acknowledged; the number of bytes freed."""
        freed = min(max(offset - self.start, 0), len(self._bytes))
        if freed:
            del self._bytes[:freed]  # CPython moves the start, not the bytes
            self.start += freed
        return freed

    def clear(self) -> None:
        """Drop everything: the connection has ended."""
        self.start = self.end
        self._bytes = bytearray()
