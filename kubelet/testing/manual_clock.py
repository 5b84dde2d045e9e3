"""A clock that tests move: nobody waits for real."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta


class ManualClock:
    """`kubelet.clock.Clock`. Whoever sleeps goes on when `advance` has come so far."""

    def __init__(self, wall: datetime | None = None) -> None:
        self._wall = wall or datetime.now(UTC)
        self._now = 0
        self._count = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def sleepers(self) -> int:
        """How many wait."""
        return sum(not future.done() for _, _, future in self._sleepers)

    def wall(self) -> datetime:
        """See Clock."""
        return self._wall

    def monotonic(self) -> int:
        """See Clock."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + int(seconds * 1_000_000), self._count, future))
        await future

    def advance(self, seconds: float) -> None:
        """Both clocks go on."""
        self._now += int(seconds * 1_000_000)
        self.jump(seconds)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)

    def jump(self, seconds: float) -> None:
        """The wall clock alone, as while the machine sleeps."""
        self._wall += timedelta(seconds=seconds)
