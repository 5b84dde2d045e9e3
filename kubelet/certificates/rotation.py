"""When a certificate is renewed, and how long to wait after a failure; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

_FIRST_S = 2.0
_LONGEST_S = 32.0
_JITTER = 0.1


def renewal_instant(not_before: datetime, not_after: datetime, random: Random) -> datetime:
    """Between 70 % and 90 % of its life: a fleet that joined together does not renew together."""
    return not_before + (not_after - not_before) * (0.7 + 0.2 * random.random())


@dataclass(slots=True)
class RetryDelay:
    """The waits after failures in a row: 2, 4, 8, 16, 32, 32 ... seconds, and up to a tenth more."""

    random: Random
    failures: int = 0

    def next(self) -> timedelta:
        """The wait after one more failure."""
        seconds = min(_FIRST_S * 2.0 ** min(self.failures, 10), _LONGEST_S)
        self.failures += 1
        return timedelta(seconds=seconds * (1 + _JITTER * self.random.random()))

    def reset(self) -> None:
        """Begin anew, after a success."""
        self.failures = 0
