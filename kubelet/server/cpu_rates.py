"""How many cores something uses: from what it has used since it was looked at before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LEAST_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class CpuSample:
    """CPU time used up to one moment."""

    time_ns: int
    used_ns: int
    """Since it started."""


class CpuRates:
    """Over at least five seconds, so that several who ask do not take each other's time away."""

    def __init__(self) -> None:
        self._samples: dict[str, CpuSample] = {}
        self._rates: dict[str, int] = {}

    def look(self, samples: Mapping[str, CpuSample]) -> dict[str, int]:
        """Billionths of a core by key, of what was there before. What is not among `samples` is forgotten."""
        self._samples = {key: one for key, one in self._samples.items() if key in samples}
        self._rates = {key: rate for key, rate in self._rates.items() if key in samples}
        for key, one in samples.items():
            before = self._samples.setdefault(key, one)
            elapsed_ns = one.time_ns - before.time_ns
            if elapsed_ns >= _LEAST_NS:
                self._rates[key] = max(one.used_ns - before.used_ns, 0) * 1_000_000_000 // elapsed_ns
                self._samples[key] = one
        return dict(self._rates)
