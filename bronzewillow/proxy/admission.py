"""Turns: at most so many requests work at a time, a bounded number waits first come first served."""

from __future__ import annotations

import asyncio
from collections import deque

from bronzewillow.proxy.errors import ProxyError


class Admission:
    """A counting gate with a bounded FIFO queue. A waiter that is cancelled leaves the queue at once."""

    def __init__(self, concurrent: int, queue_length: int, queue_wait_s: float, retry_after_s: int) -> None:
        self._free = concurrent
        self._queue_length = queue_length
        self._queue_wait_s = queue_wait_s
        self._retry_after_s = retry_after_s
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    @property
    def queued(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiters)

    async def enter(self) -> None:
        """Take a turn. ProxyError 429 when the queue is full or the wait is too long, 503 once closed."""
        if self._closed:
            raise self._closing()
        if self._free > 0:  # leave() hands a turn to the first waiter, so a free turn means nobody waits
            self._free -= 1
            return
        if len(self._waiters) >= self._queue_length:
            raise self._overloaded(f"{len(self._waiters)} requests are waiting already")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            async with asyncio.timeout(self._queue_wait_s):
                await turn
        except TimeoutError:
            # The turn may have come in the very loop step of the deadline: then it stands.
            if not _granted(turn):
                raise self._overloaded(f"no turn came within {self._queue_wait_s:g} s") from None
        except asyncio.CancelledError:
            # Or in the step in which the client left: then it is handed on.
            if _granted(turn):
                self.leave()
            raise
        finally:
            if turn in self._waiters:
                self._waiters.remove(turn)

    def leave(self) -> None:
        """Give the turn back, or to the first that waits."""
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def close(self) -> None:
        """Refuse whoever waits or comes; those who work go on."""
        self._closed = True
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_exception(self._closing())

    def _overloaded(self, cause: str) -> ProxyError:
        return ProxyError(
            429,
            f"the model is busy, {cause}; try again later",
            code="rate_limit_exceeded",
            retry_after_s=self._retry_after_s,
        )

    def _closing(self) -> ProxyError:
        return ProxyError(503, "the pod is shutting down", code="draining", retry_after_s=self._retry_after_s)


def _granted(turn: asyncio.Future[None]) -> bool:
    return turn.done() and not turn.cancelled() and turn.exception() is None
