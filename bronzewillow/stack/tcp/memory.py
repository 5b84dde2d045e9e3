"""What connections hold in buffers, all together: bounds of a pod, and of the process above it.

A connection's own buffers are bounded by its configuration; ten thousand slow readers would still be too
many. Beyond the bound memory is *short*: connections take no more than `GUARANTEED_BYTES` each way, so that
every one goes on, slowly, and windows open no further. What had been promised before may still arrive; at
twice the bound even that is refused, and the peer sends it again later.
"""

from __future__ import annotations

GUARANTEED_BYTES = 16 << 10
"""What a connection may hold each way, whatever the others do."""


class Memory:
    """Bytes held, and the bound on them; `parent` counts them too."""

    __slots__ = ("_limit_bytes", "_parent", "used_bytes")

    def __init__(self, limit_bytes: int, parent: Memory | None = None) -> None:
        self._limit_bytes = limit_bytes
        self._parent = parent
        self.used_bytes = 0

    def move(self, size: int) -> None:
        """So many bytes more are held; fewer, if it is negative."""
        self.used_bytes += size
        if self._parent is not None:
            self._parent.move(size)

    @property
    def is_short(self) -> bool:
        """Whether nobody should take more than is guaranteed."""
        return self.used_bytes > self._limit_bytes or (self._parent is not None and self._parent.is_short)

    @property
    def is_exhausted(self) -> bool:
        """Whether also that is refused which had been promised."""
        if self.used_bytes > 2 * self._limit_bytes:
            return True
        return self._parent is not None and self._parent.is_exhausted
