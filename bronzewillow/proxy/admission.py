"""Turns: at most so many requests work at a time, a bounded number waits first come first served."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from bronzewillow.proxy.errors import ProxyError


class Admission:
    """A counting gate with a bounded FIFO queue. A waiter that is cancelled leaves the queue at once."""

    def __init__(
        self,
        concurrent: int,
        queue_length: int,
        queue_wait_s: float,
        retry_after_s: int,
        *,
        share: float = 1.0,
    ) -> None:
        """`share` of the turns and of the queue, but one at least, is the most that one client may have."""
        self._free = concurrent
        self._most_turns = max(int(concurrent * share), 1)
        self._most_waiting = max(int(queue_length * share), 1)
        self._taken: Counter[str] = Counter()
        self._queue_length = queue_length
        self._queue_wait_s = queue_wait_s
        self._retry_after_s = retry_after_s
        self._waiters: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._closed = False

    @property
    def queued(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiters)

    async def enter(self, client: str = "", waited_s: float = 0.0) -> None:
        """Take a turn. ProxyError 429 when the queue is full or the wait is too long, 503 once closed.

        `waited_s`, at another gate, is part of the wait.
        """
        if self._closed:
            raise self._closing()
        # leave() hands a turn to the first that may have it: who waits while one is free has its share.
        if self._free > 0 and self._taken[client] < self._most_turns:
            self._free -= 1
            self._taken[client] += 1
            return
        if len(self._waiters) >= self._queue_length:
            raise self._overloaded(f"{len(self._waiters)} requests are waiting already")
        if (waiting := sum(1 for one, _ in self._waiters if one == client)) >= self._most_waiting:
            raise self._overloaded(f"{waiting} requests of this client are waiting already")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (client, turn)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._queue_wait_s - waited_s):
                await turn
        except TimeoutError:
            # The turn may have come in the very loop step of the deadline: then it stands.
            if not _granted(turn):
                raise self._overloaded(f"no turn came within {self._queue_wait_s:g} s") from None
        except asyncio.CancelledError:
            # Or in the step in which the client left: then it is handed on.
            if _granted(turn):
                self.leave(client)
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def leave(self, client: str = "") -> None:
        """Give the turn back, or to the first that waits and has not its share."""
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]
        for waiter in self._waiters:
            other, turn = waiter
            if not turn.done() and self._taken[other] < self._most_turns:
                self._waiters.remove(waiter)
                self._taken[other] += 1
                turn.set_result(None)
                return
        self._free += 1

    def close(self) -> None:
        """Refuse whoever waits or comes; those who work go on."""
        self._closed = True
        while self._waiters:
            _, turn = self._waiters.popleft()
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
