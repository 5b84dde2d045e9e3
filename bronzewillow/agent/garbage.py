"""When Python looks for cyclic garbage: a full search of a large cluster's objects stops packets for long.

Those objects are trees, which are freed without a search. So they are set aside once they are all there, the
interpreter begins no full search by itself, and we begin one now and then, of what has come since.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _NEVER = 10_000, 20, 1 << 30
"""New objects until a search of them, such searches until one of the middle-aged, those until a full one."""
_EVERY_S = 600.0


class GarbageSearch:
    """Of this process: made once, looked after now and then."""

    def __init__(self) -> None:
        self._is_set_aside = False
        self._searched_at = 0.0

    def begin(self) -> None:
        """No full search from now on."""
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)

    def look(self, *, is_all_there: bool, now_s: float) -> None:
        """`is_all_there`: whether the cluster's objects are; `now_s`: of the loop."""
        if is_all_there and not self._is_set_aside:
            self._is_set_aside = True
            self._searched_at = now_s
            gc.collect()
            gc.freeze()
        elif now_s >= self._searched_at + _EVERY_S:
            self._searched_at = now_s
            gc.collect()
