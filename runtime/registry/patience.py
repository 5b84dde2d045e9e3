"""What is tried again, for how long, and that somebody hears of it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp

from runtime.registry.backoff import Backoff

_ABSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Refused, no such name, no way there."""
_TELL_EVERY_S = 10.0
_LONG_S = 3.0
_log = logging.getLogger(__name__)


def warn(text: str) -> None:
    """For those who keep a log."""
    _log.warning("%s", text)


@dataclass(slots=True)
class Patience:
    """Of one client with all registries."""

    tries: int
    absent_s: float
    lost_s: float
    tell: Callable[[str], None]
    """These four as in ClientConfig."""
    make_backoff: Callable[[int], Backoff] = Backoff
    clock: Callable[[], float] = time.monotonic
    _heard: set[str] = field(default_factory=set)
    _told_s: dict[str, float] = field(default_factory=dict)

    def backoff(self, tries: int | None = None) -> Backoff:
        """For one thing that must get done."""
        return self.make_backoff(self.tries if tries is None else tries)

    def hear(self, host: str) -> None:
        """Somebody answers there."""
        self._heard.add(host)

    def limit_s(self, host: str, error: BaseException) -> float:
        """How long another try is worth it."""
        if not isinstance(error, _ABSENT):
            return math.inf
        return self.lost_s if host in self._heard else self.absent_s

    @contextmanager
    def waiting(self, host: str) -> Iterator[None]:
        """For an answer of `host`: when it does not come soon, somebody hears of that."""
        text = f"registry {host}: no answer for {_LONG_S:g} s; waiting"
        timer = asyncio.get_running_loop().call_later(_LONG_S, self._tell_of, host, text)
        try:
            yield
        finally:
            timer.cancel()

    async def again(
        self, backoff: Backoff, host: str, failure: object, asked_s: float = 0.0, limit_s: float = math.inf
    ) -> bool:
        """Wait for another try after `failure`; False when there is none."""

        def tell(pause_s: float) -> None:
            most = f"for {limit_s:g} s" if limit_s < math.inf else f"at most {backoff.left} times"
            self._tell_of(host, f"{failure}; trying again in {pause_s:.1f} s, {most}")

        return await backoff.pause(asked_s, limit_s, tell)

    def _tell_of(self, host: str, text: str) -> None:
        now_s = self.clock()
        if now_s - self._told_s.get(host, -math.inf) < _TELL_EVERY_S:
            return
        self._told_s[host] = now_s
        self.tell(text)


class TooSlow(TimeoutError):
    """An answer that hardly comes."""


class LeastSpeed:
    """Of one answer: a registry that sends a byte now and then is one that does not answer."""

    WINDOW_S = 60.0
    LEAST_BYTES = 8 << 10

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The window begins now, on the loop's clock: time that we took ourselves does not count."""
        self._begun_s, self._bytes = asyncio.get_running_loop().time(), 0

    def count(self, size: int) -> None:
        """So many bytes have come. TooSlow."""
        self._bytes += size
        if asyncio.get_running_loop().time() - self._begun_s < self.WINDOW_S:
            return
        if self._bytes < self.LEAST_BYTES:
            raise TooSlow(f"fewer than {self.LEAST_BYTES:,} bytes have come in {self.WINDOW_S:g} s")
        self.begin()
