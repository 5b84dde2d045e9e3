"""How long to wait before doing again what failed (k/k pkg/kubelet/kubelet.go; client-go backoff.go)."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_S = 1_000_000_000
_FIRST_S, _LONGEST_S = 10, 300
_FORGET_AFTER_S = 2 * _LONGEST_S
_FIRST_SOON_S, _LONGEST_SOON_S = 0.5, 10


def restart_wait_ns(step: int) -> int:
    """Before the start number `step` of a series, the first one being 0: 0, 0, 10 s, 20 s ... 5 minutes."""
    return 0 if step < 2 else min(_FIRST_S << min(step - 2, 20), _LONGEST_S) * NS_PER_S


def next_step(step: int, ran_ns: int) -> int:
    """Of the start after one of number `step` that ran for so long: a long run begins a new series."""
    return 1 if ran_ns > _FORGET_AFTER_S * NS_PER_S else step + 1


@dataclass(slots=True)
class _Failing:
    count: int
    again_ns: int


class Failures:
    """What could not be done lately, by key."""

    def __init__(self) -> None:
        self._failing: dict[str, _Failing] = {}

    def note(self, key: str, is_passing: bool, now_ns: int) -> float:
        """It has failed, for a reason that may pass of itself or not; seconds until it is tried again."""
        first, longest = (_FIRST_SOON_S, _LONGEST_SOON_S) if is_passing else (_FIRST_S, _LONGEST_S)
        count = self._failing[key].count + 1 if key in self._failing else 1
        wait_s = min(first * 2.0 ** min(count - 1, 20), longest)
        self._failing[key] = _Failing(count, now_ns + int(wait_s * NS_PER_S))
        return wait_s

    def clear(self, key: str) -> None:
        """Forget the failures of `key`, which has been done."""
        self._failing.pop(key, None)

    def again_ns(self, key: str) -> int:
        """When to try it; 0 for now."""
        return self._failing[key].again_ns if key in self._failing else 0

    def keep(self, keys: set[str]) -> None:
        """Forget all others."""
        self._failing = {key: one for key, one in self._failing.items() if key in keys}
