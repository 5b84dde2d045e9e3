"""How long a daemon that died waits for its next start. Pure."""

from __future__ import annotations

_FIRST_S, _LONGEST_S = 0.5, 30.0
_FORGET_AFTER_S = 60.0


class Restarts:
    """Of one daemon: the first at once, then half a second, one, two and so on."""

    def __init__(self) -> None:
        self._count = 0

    def wait_s(self, lived_s: float) -> float:
        """After one that lived so long; a long life begins the series anew."""
        if lived_s > _FORGET_AFTER_S:
            self._count = 0
        self._count += 1
        if self._count == 1:
            return 0.0
        return float(min(_FIRST_S * 2 ** min(self._count - 2, 20), _LONGEST_S))
