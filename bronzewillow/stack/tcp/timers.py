"""Timers: a few deadlines per connection, and one queue per stack that knows the earliest.

The queue is lazy. Most timers are moved later again and again (each ACK restarts the retransmission timer),
so a connection stands in the heap under a deadline that may have become too early; it is put back when that
comes up. A move to an earlier time pushes a second entry. Both cost nothing per segment.
"""

from __future__ import annotations

import heapq
from enum import IntEnum
from typing import Generic, Protocol, TypeVar

NEVER = 1 << 62
_FIRST_SWEEP = 64


class Timer(IntEnum):
    """The timers of RFC 9293 3.8 and 3.10.8, and of the RFCs it points to; in the order in which they act."""

    REORDERING = 0
    """RFC 8985 6.2: what was overtaken is not lost before it has had its time."""
    LOSS_PROBE = 1
    """RFC 8985 7.2: PTO. Runs beside RETRANSMIT, never later, and at one instant goes before it."""
    RETRANSMIT = 2
    PERSIST = 3
    PATH_PROBE = 4
    DELAYED_ACK = 5
    KEEPALIVE = 6
    TIME_WAIT = 7
    """Also the bound on FIN-WAIT-2 after close()."""


_NO_SENDING = [NEVER] * (Timer.PERSIST + 1)


class Timers:
    """Deadlines of one connection, in microseconds; NEVER when not armed."""

    __slots__ = ("deadlines", "earliest")

    def __init__(self) -> None:
        self.deadlines = [NEVER] * len(Timer)
        self.earliest = NEVER

    def arm(self, timer: Timer, deadline: int) -> None:
        """Set or move one timer."""
        before = self.deadlines[timer]
        self.deadlines[timer] = deadline
        if deadline <= self.earliest:
            self.earliest = deadline
        elif before == self.earliest:
            self.earliest = min(self.deadlines)

    def cancel(self, timer: Timer) -> None:
        """Stop one timer."""
        if self.deadlines[timer] != NEVER:
            self.deadlines[timer] = NEVER
            self.earliest = min(self.deadlines)

    def cancel_sending(self) -> None:
        """Stop all that wait for an acknowledgment: everything is acknowledged."""
        self.deadlines[: Timer.PERSIST + 1] = _NO_SENDING
        self.earliest = min(self.deadlines)

    def cancel_all(self) -> None:
        """Stop all: no timer may be armed in CLOSED."""
        self.deadlines = [NEVER] * len(Timer)
        self.earliest = NEVER

    def is_armed(self, timer: Timer) -> bool:
        """Whether `timer` runs."""
        return self.deadlines[timer] != NEVER

    def take_expired(self, now: int) -> list[Timer]:
        """The timers that are due, each stopped."""
        expired = [timer for timer in Timer if self.deadlines[timer] <= now]
        for timer in expired:
            self.deadlines[timer] = NEVER
        self.earliest = min(self.deadlines)
        return expired


class Timed(Protocol):
    """What a TimerQueue holds."""

    timers: Timers
    queued_at: int
    """The deadline under which the owner stands in the queue; NEVER when it does not."""


_Owner = TypeVar("_Owner", bound=Timed)


class TimerQueue(Generic[_Owner]):
    """All connections of a stack that have a timer armed."""

    __slots__ = ("_heap", "_order", "_sweep_at")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, _Owner]] = []
        self._order = 0
        self._sweep_at = _FIRST_SWEEP

    def __len__(self) -> int:
        return len(self._heap)

    def update(self, owner: _Owner) -> None:
        """Call after any change of `owner.timers`."""
        earliest = owner.timers.earliest
        if earliest < owner.queued_at:
            owner.queued_at = earliest
            self._order += 1
            heapq.heappush(self._heap, (earliest, self._order, owner))
            if len(self._heap) >= self._sweep_at:
                self._sweep()

    def next_timeout(self) -> int | None:
        """The earliest deadline; it may turn out to be a moved one, then nothing is due at it."""
        while self._heap:
            deadline, _, owner = self._heap[0]
            if deadline == owner.queued_at and owner.timers.earliest != NEVER:
                return deadline
            self._drop_first()
        return None

    def take_due(self, now: int) -> list[_Owner]:
        """The owners with a timer at or before `now`, each once, in the order of their deadlines."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            owner = self._drop_first()
            if owner is None:
                continue
            if owner.timers.earliest <= now:
                due.append(owner)
            else:
                self.update(owner)
        return due

    def _sweep(self) -> None:
        """Forget entries that were superseded: a long timer would keep each of them, and its owner, alive."""
        self._heap = [entry for entry in self._heap if entry[0] == entry[2].queued_at]
        heapq.heapify(self._heap)
        self._sweep_at = max(2 * len(self._heap), _FIRST_SWEEP)

    def _drop_first(self) -> _Owner | None:
        deadline, _, owner = heapq.heappop(self._heap)
        if deadline != owner.queued_at:
            return None  # an older entry of an owner that was queued again, earlier
        owner.queued_at = NEVER
        return owner
