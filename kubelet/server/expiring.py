"""Answers that hold for a while. Bounded: what strangers can make grow goes, the oldest first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Expiring(Generic[_K, _V]):
    """A dictionary whose entries end. Instants are seconds since any start, monotonic."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._entries: OrderedDict[_K, tuple[_V, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: _K, now_s: float) -> _V | None:
        """None: never known, or no longer."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, until_s = entry
        if until_s <= now_s:
            del self._entries[key]
            return None
        return value

    def put(self, key: _K, value: _V, for_s: float, now_s: float) -> None:
        """Hold it for `for_s` seconds."""
        self._entries.pop(key, None)
        while len(self._entries) >= self._most:
            self._entries.popitem(last=False)
        self._entries[key] = value, now_s + for_s
