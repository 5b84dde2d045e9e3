"""Telling that the machine has slept: its two clocks have come apart; pure.

The monotonic clock of macOS and of Linux stands still in sleep, the wall clock does not. A step of the wall
clock by an administrator or by NTP looks the same, and so is the answer to it: renew the Lease at once.
"""

from __future__ import annotations

from dataclasses import dataclass

_LEAST = 5_000_000
"""Microseconds. Less is a slow wake-up, or a clock that is being corrected."""


@dataclass(slots=True)
class SleepWatch:
    """Looked at every second or so; time is in microseconds."""

    wall: int
    monotonic: int

    def look(self, wall: int, monotonic: int) -> int:
        """How long it has slept since the last look; 0 for not at all."""
        slept = (wall - self.wall) - (monotonic - self.monotonic)
        self.wall, self.monotonic = wall, monotonic
        return slept if slept >= _LEAST else 0
