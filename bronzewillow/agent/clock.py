"""From the event loop's seconds to the core's microseconds, and back."""

from __future__ import annotations

import asyncio
import math


class Clock:
    """Instants of the core: microseconds of the loop's monotonic clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        """The Instant on the event loop's clock."""
        return int(self._loop.time() * 1_000_000)

    def loop_time(self, deadline: int) -> float:
        """`deadline` for `loop.call_at`, rounded up: a timer that fires early would find nothing due."""
        return math.nextafter(deadline / 1_000_000, math.inf) + 1e-6
