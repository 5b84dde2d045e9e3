"""10, 20, 40 ... 300 seconds: how long to wait before something that failed is tried again.

client-go util/flowcontrol/backoff.go. No jitter: users compare these times with a kubelet's.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelet.model.times import SECOND

FIRST = 10 * SECOND
LONGEST = 300 * SECOND
FORGOTTEN_AFTER = 2 * LONGEST


@dataclass(slots=True)
class Backoff:
    """How long to wait before the next try of one thing."""

    delay: int = 0
    """Microseconds; 0 before the first step."""
    stepped: int = 0
    """Instant of the last step."""

    def until(self, failed: int) -> int:
        """The Instant at which what failed at `failed` may be tried again."""
        return failed if self._is_forgotten(failed) else failed + self.delay

    def step(self, failed: int, now: int) -> None:
        """It is tried again (restarts), or has failed again (pulls): the next wait is the longer one."""
        self.delay = FIRST if self._is_forgotten(failed) else min(self.delay * 2, LONGEST)
        self.stepped = now

    def _is_forgotten(self, failed: int) -> bool:
        return self.delay == 0 or failed - self.stepped > FORGOTTEN_AFTER
