"""An event loop whose clock runs faster than the wall's: hours of timers and load pass in fewer."""

from __future__ import annotations

import asyncio
import selectors


class _Selector(selectors.DefaultSelector):
    """Waits as long on the wall as the loop means on its own clock."""

    def __init__(self, pace: float) -> None:
        super().__init__()
        self._pace = pace

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout and timeout / self._pace)


class PacedLoop(asyncio.SelectorEventLoop):
    """`pace` of its seconds pass in one of the wall's."""

    def __init__(self, pace: float) -> None:
        super().__init__(_Selector(pace))
        self._pace = pace

    def time(self) -> float:
        """Of its own clock, in seconds."""
        return super().time() * self._pace
