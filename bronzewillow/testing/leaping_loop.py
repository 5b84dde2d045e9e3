"""Real sockets on time that leaps: while nothing arrives, the clock goes on to the next timer.

An hour of a shell, with its connections and time-outs, takes seconds. A leap is short enough for an answer
that is under way to come before its time-out: whoever waits 15 s is given 75 ms or more.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

_T = TypeVar("_T")
_PATIENCE_S = 0.005
_LONGEST_LEAP_S = 1.0


class LeapingLoop(asyncio.SelectorEventLoop):
    """`leapt_s` is how far its clock is ahead of the machine's."""

    def __init__(self) -> None:
        self.leapt_s = 0.0
        super().__init__(_LeapingSelector(self._leap))

    def time(self) -> float:
        """Seconds."""
        return time.monotonic() + self.leapt_s

    def monotonic_ns(self) -> int:
        """In the place of `time.monotonic_ns`."""
        return time.monotonic_ns() + int(self.leapt_s * 1e9)

    def time_ns(self) -> int:
        """In the place of `time.time_ns`."""
        return time.time_ns() + int(self.leapt_s * 1e9)

    def wall(self) -> datetime:
        """In the place of `datetime.now(UTC)`."""
        return datetime.now(UTC) + timedelta(seconds=self.leapt_s)

    def _leap(self, seconds: float) -> None:
        self.leapt_s += seconds


class _LeapingSelector(selectors.BaseSelector):
    def __init__(self, leap: Any) -> None:
        self._inner, self._leap = selectors.DefaultSelector(), leap

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= _PATIENCE_S:
            return self._inner.select(timeout)
        found = self._inner.select(_PATIENCE_S)
        if not found:
            self._leap(min(timeout - _PATIENCE_S, _LONGEST_LEAP_S))
        return found


def run_leaping(main: Coroutine[Any, Any, _T], timeout_s: float) -> _T:
    """On a loop of its own. TimeoutError after so many seconds of its time."""

    async def bounded() -> _T:
        async with asyncio.timeout(timeout_s):
            return await main

    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(bounded())
