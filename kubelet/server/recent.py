"""A question that many ask at once, and that costs something: one asks, and the others hear the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """One question at a time; its answer holds for a moment. An error is the asker's alone."""

    def __init__(self, ask: Callable[[], Awaitable[_T]], holds_s: float = 1.0) -> None:
        self._ask, self._holds_s = ask, holds_s
        self._turn = asyncio.Lock()
        self._answer: tuple[_T, float] | None = None

    async def get(self) -> _T:
        """As of now, or of a moment ago."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._answer is None or now - self._answer[1] >= self._holds_s:
                self._answer = None
                self._answer = await self._ask(), asyncio.get_running_loop().time()
            return self._answer[0]
