"""Waiting before another try: longer each time, never all at once, and as long as the registry asks."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime

FIRST_S = 0.25
LONGEST_S = 10.0
_MOST_ASKED_S = 60.0


class Backoff:
    """The tries of one thing that must get done. Success in part begins the count anew."""

    def __init__(
        self,
        tries: int = 9,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tries` without any success are the end."""
        self._tries, self._sleep, self._clock = tries, sleep, clock
        self._rng = rng or random.Random()
        self._failures, self._begun = 0, clock()

    def reset(self) -> None:
        """Begin anew, as something went on."""
        self._failures, self._begun = 0, self._clock()

    @property
    def left(self) -> int:
        """Tries that are left, if none has success."""
        return self._tries - self._failures

    async def pause(
        self,
        asked_s: float = 0.0,
        limit_s: float = math.inf,
        tell: Callable[[float], None] = lambda pause_s: None,
    ) -> bool:
        """After a failure: wait; False when it was the last try, or it has gone on for `limit_s`. `tell`
        hears before how long it will be.
        """
        self._failures += 1
        if self._failures >= self._tries or self._clock() - self._begun >= limit_s:
            return False
        own = min(FIRST_S * 2 ** (self._failures - 1), LONGEST_S) * (0.5 + self._rng.random())
        pause_s = max(own, min(asked_s, _MOST_ASKED_S))
        tell(pause_s)
        await self._sleep(pause_s)
        return True


def parse_retry_after(value: str | None, now: float) -> float:
    """Seconds from `now`, a POSIX time; 0 for none or nonsense (RFC 9110 10.2.3)."""
    if value is None:
        return 0.0
    if value.strip().isdecimal():
        return float(min(int(value.strip()[:9]), 1 << 30))
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0
