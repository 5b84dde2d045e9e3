"""Virtual time: things happen in order, and nobody waits."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from kubelet.model.times import SECOND

_START_WALL = 1_735_689_600 * SECOND
"""2025-01-01T00:00:00Z."""


class VirtualTime:
    """`now` is an Instant; `wall` can be moved."""

    def __init__(self, start: int = 0) -> None:
        self.now = start
        self.wall_offset = _START_WALL - start
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    @property
    def wall(self) -> int:
        """Microseconds since 1970."""
        return self.now + self.wall_offset

    def at(self, instant: int, then: Callable[[], None]) -> None:
        """In the order in which it was said, where instants are equal. What is late happens next."""
        self._count += 1
        heapq.heappush(self._queue, (max(instant, self.now), self._count, then))

    def run(self, until: int) -> None:
        """All that happens up to then."""
        while self._queue and self._queue[0][0] <= until:
            instant, _, then = heapq.heappop(self._queue)
            self.now = instant
            then()
        self.now = until
