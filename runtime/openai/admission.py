"""Who may use the slots now, who waits, and who is turned away.

First come, first served: a request for two slots at the head of the queue is not overtaken by one for a
single slot.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.openai.errors import queue_full


class Admission:
    """Counts slots; one event loop only."""

    def __init__(self, slots: int, queue_limit: int) -> None:
        self.slots = slots
        self.queue_limit = queue_limit
        self.busy = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    @asynccontextmanager
    async def enter(self, slots: int) -> AsyncIterator[None]:
        """Hold `slots` slots; ApiError 429 if the queue is full. `slots` is at most all of them."""
        await self._acquire(slots)
        try:
            yield
        finally:
            self.busy -= slots
            self._wake()

    async def _acquire(self, slots: int) -> None:
        if not self._waiting and self.busy + slots <= self.slots:
            self.busy += slots
            return
        if len(self._waiting) >= self.queue_limit:
            raise queue_full(len(self._waiting))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (slots, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.busy -= slots  # our turn had come in the same moment
            else:
                self._waiting.remove(entry)
            self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self.busy + self._waiting[0][0] <= self.slots:
            slots, turn = self._waiting.popleft()
            self.busy += slots
            turn.set_result(None)
