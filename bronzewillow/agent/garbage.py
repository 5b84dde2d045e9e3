"""When Python looks for cyclic garbage: a full search of what a process began with stops packets for long.

That is 25 ms for the modules and classes of the agent alone, and far more for the objects of a large cluster,
which are trees and freed without a search. So both are set aside, these a part at a time while they come, the
interpreter begins no large search by itself, and we begin one now and then, of what has come since.

Small ones we begin, too: Python counts objects that come less those that go, so that where each object takes
the place of another one, as in a restless cluster, hundreds of thousands are young before it looks at them.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

_YOUNG, _NEVER = 10_000, 1 << 30
"""So many more objects until a search of the new ones; searches until one of older ones."""
_MANY = 2
"""Searches of new objects until what they have left is set aside: what is searched then takes a few ms."""
_MIDDLE_EVERY_S, _EVERY_S = 60.0, 600.0
"""A search of what has survived one, and of all but what is set aside."""
_LOOK_EVERY_S, _COMING_EVERY_S = 0.25, 0.1
"""The second until all is there."""


class GarbageSearch:
    """Of this process: made once, looked after now and then."""

    def __init__(self) -> None:
        self._is_set_aside = False
        self._middle_at = 0.0
        self._searched_at = 0.0

    async def run(self, is_all_there: Callable[[], bool]) -> None:
        """Look after it, for ever; when that is cancelled, Python searches as it did before."""
        loop = asyncio.get_running_loop()
        before = gc.get_threshold()
        self.begin()
        try:
            while True:
                self.look(is_all_there=is_all_there(), now_s=loop.time())
                await asyncio.sleep(_LOOK_EVERY_S if self._is_set_aside else _COMING_EVERY_S)
        finally:
            gc.set_threshold(*before)
            gc.unfreeze()

    def begin(self) -> None:
        """No large search from now on, and none of what is there already."""
        gc.set_threshold(_YOUNG, _NEVER, _NEVER)
        gc.collect()
        gc.freeze()

    def look(self, *, is_all_there: bool, now_s: float) -> None:
        """`is_all_there`: whether what stays has come; `now_s`: of the loop."""
        if not self._is_set_aside and (is_all_there or _have_come()):
            # not without reason: what is alive now, and garbage in a cycle later, is not found any more
            self._is_set_aside = is_all_there
            self._searched_at = self._middle_at = now_s
            gc.collect()
            gc.freeze()
        elif now_s >= self._searched_at + _EVERY_S:
            self._searched_at = self._middle_at = now_s
            gc.collect()
        elif self._is_set_aside:
            is_due = now_s >= self._middle_at + _MIDDLE_EVERY_S
            self._middle_at = now_s if is_due else self._middle_at
            gc.collect(1 if is_due else 0)


def _have_come() -> bool:
    """Whether there are many more objects than at the last full search."""
    return gc.get_count()[1] >= _MANY
