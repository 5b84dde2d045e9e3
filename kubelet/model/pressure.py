"""What the machine is short of, for how long that counts, and what is to be given back.

k/k pkg/kubelet/eviction/eviction_manager.go, synchronize: a condition shows as soon as a threshold is passed;
a pod goes once the threshold's grace is over; and neither is over before what was to be reclaimed is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubelet.model.thresholds import EvictionSettings, Signal, Threshold


@dataclass(frozen=True, slots=True)
class Observation:
    """Of one signal, at one moment."""

    available: int
    capacity: int
    is_short: bool | None = None
    """The kernel's own word, where it has one: free memory says little on a Mac."""


Observations = Mapping[Signal, Observation]
"""Of what can be measured here."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A threshold that is passed for longer than it may be."""

    threshold: Threshold
    available: int
    least: int
    """In units."""
    missing: int
    """Until it is over."""
    used: int
    """By everybody."""

    @property
    def signal(self) -> Signal:
        """The signal that is below its threshold."""
        return self.threshold.signal


@dataclass(frozen=True, slots=True)
class Pressure:
    """What the thresholds say at one moment."""

    conditions: frozenset[str] = frozenset()
    """Of the Node, that are true."""
    breaches: tuple[Breach, ...] = ()
    """The first one first."""


class PressureState:
    """Judges measurements of one machine, and remembers for how long."""

    def __init__(self, settings: EvictionSettings) -> None:
        self._settings = settings
        self._since: dict[Threshold, int] = {}
        self._until: dict[str, int] = {}

    def look(self, observations: Observations, now: int) -> Pressure:
        """`now` is an Instant in microseconds."""
        breaches = []
        for threshold in self._settings.thresholds:
            breach = self._breach(threshold, observations.get(threshold.signal))
            if breach is None:
                self._since.pop(threshold, None)
                continue
            self._until[threshold.signal.condition] = now + self._settings.transition
            if now - self._since.setdefault(threshold, now) >= threshold.grace:
                breaches.append(breach)
        held = {condition for condition, until in self._until.items() if now < until}
        passed = {threshold.signal.condition for threshold in self._since}
        return Pressure(frozenset(held | passed), tuple(breaches))

    def _breach(self, threshold: Threshold, seen: Observation | None) -> Breach | None:
        if seen is None:
            return None
        least = threshold.least.of(seen.capacity)
        wanted = least + (threshold.reclaim.of(seen.capacity) if threshold in self._since else 0)
        is_short = seen.available < wanted
        if threshold.is_default and seen.is_short is not None:
            is_short = seen.is_short
        if not is_short:
            return None
        missing, used = max(wanted - seen.available, 0), seen.capacity - seen.available
        return Breach(threshold, seen.available, least, missing, used)
