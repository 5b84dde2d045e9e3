"""Waiting longer each time, as client-go's reflector does. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffConfig:
    """The delays of client-go's reflector: tools/cache/reflector.go."""

    first_s: float = 0.8
    factor: float = 2.0
    longest_s: float = 30.0
    """Before jitter."""
    jitter: float = 1.0
    """A wait is up to this part longer."""
    reset_s: float = 120.0
    """So long without a failure, and it begins anew."""


class Backoff:
    """The waits after the failures of one thing."""

    def __init__(self, config: BackoffConfig, random: Callable[[], float]) -> None:
        """`random`: uniform in [0, 1)."""
        self._config, self._random = config, random
        self._next_s = config.first_s
        self._last_failure: int | None = None

    def reset(self) -> None:
        """The next wait is the first one again."""
        self._next_s = self._config.first_s

    def after_failure(self, now: int) -> float:
        """How many seconds to wait from `now`, in microseconds."""
        config = self._config
        if self._last_failure is not None and now - self._last_failure > config.reset_s * 1_000_000:
            self._next_s = config.first_s
        self._last_failure = now
        wait_s = self._next_s * (1.0 + config.jitter * self._random())
        self._next_s = min(self._next_s * config.factor, config.longest_s)
        return wait_s
