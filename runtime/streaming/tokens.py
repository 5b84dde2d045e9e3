"""One-time tokens: a call is agreed on over CRI's socket, and made over TCP by whoever was given its URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

LIFE_S = 60.0
MOST = 1000
"""As many as Kubernetes' own server keeps."""

_T = TypeVar("_T")


class TooMany(Exception):
    """No further token can be given now."""


class Tokens(Generic[_T]):
    """Each stands for one call, is good once, and not for long."""

    def __init__(self, new_token: Callable[[], str], most: int = MOST, life_s: float = LIFE_S) -> None:
        """`new_token`: one that nobody can guess."""
        self._new_token, self._most, self._life_s = new_token, most, life_s
        self._calls: dict[str, tuple[float, _T]] = {}  # the oldest is first, as all live equally long

    def __len__(self) -> int:
        return len(self._calls)

    def give(self, call: _T, now: float) -> str:
        """A token for `call`; `now` in seconds. TooMany."""
        for token, (end, _) in list(self._calls.items()):
            if end > now:
                break
            del self._calls[token]
        if len(self._calls) >= self._most:
            raise TooMany
        token = self._new_token()
        self._calls[token] = (now + self._life_s, call)
        return token

    def take(self, token: str, now: float) -> _T | None:
        """The call, once; None for a token that is unknown, used or too old."""
        end, call = self._calls.pop(token, (now, None))
        return call if end > now else None
