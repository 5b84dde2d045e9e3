"""The machine's two clocks, and waiting; given to whatever waits, so that tests need not."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from bronzewillow.host.tasks import race


class Clock(Protocol):
    """The time, and waiting for it: the machine's, or a test's."""

    def wall(self) -> datetime:
        """What a calendar says, in UTC; may jump either way."""

    def monotonic(self) -> int:
        """Microseconds since any start; never goes back, and stands still while the machine sleeps."""

    async def sleep(self, seconds: float) -> None:
        """Wait, by the monotonic clock."""


class SystemClock:
    """The machine's own."""

    def wall(self) -> datetime:
        """The date, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> int:
        """The Instant."""
        return time.monotonic_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        await asyncio.sleep(seconds)


async def sleep_or_wake(clock: Clock, seconds: float, wake: asyncio.Event) -> None:
    """Until the seconds are over or `wake` is set."""
    await race(clock.sleep(seconds), wake.wait())
