"""Signals that ask for an end: which of them is a second wish. Pure."""

from __future__ import annotations

_ONE_WISH_S = 0.1
"""Nobody asks twice within it, but `timeout` does: it signals us, and the group that we are in."""


class Wishes:
    """As they come."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None

    def is_urged(self, number: int, now_s: float) -> bool:
        """Take a signal; whether it asks for more than those before it."""
        last, self._last = self._last, (number, now_s)
        return last is not None and (last[0] != number or now_s - last[1] > _ONE_WISH_S)
