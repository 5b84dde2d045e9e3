"""When the machine is short of something: eviction thresholds, in the words of a kubelet's options.

k/k pkg/kubelet/eviction/helpers.go, ParseThresholdConfig. deviation: what is given is laid over the defaults,
as `mergeDefaultEvictionSettings` has it; `0%` turns one off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from kubelet.model.quantity import Format, Quantity, QuantityError, parse_quantity
from kubelet.model.times import SECOND

_LONGEST = 1000
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


class Signal(StrEnum):
    """A kubelet's eviction signals."""

    MEMORY = "memory.available"
    NODE_DISK = "nodefs.available"
    NODE_FILES = "nodefs.inodesFree"
    IMAGE_DISK = "imagefs.available"
    IMAGE_FILES = "imagefs.inodesFree"
    PROCESSES = "pid.available"

    @property
    def condition(self) -> str:
        """The Node's condition that the signal is told by."""
        if self is Signal.MEMORY:
            return "MemoryPressure"
        return "PIDPressure" if self is Signal.PROCESSES else "DiskPressure"

    @property
    def resource(self) -> str:
        """What the node is low on, as messages call it."""
        return _RESOURCES[self]


_RESOURCES = {
    Signal.MEMORY: "memory",
    Signal.NODE_DISK: "ephemeral-storage",
    Signal.NODE_FILES: "inodes",
    Signal.IMAGE_DISK: "ephemeral-storage",
    Signal.IMAGE_FILES: "inodes",
    Signal.PROCESSES: "pids",
}


class ThresholdError(ValueError):
    """An option cannot be read; the text names it, and what would be right."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Of bytes, files or processes."""

    units: int = 0
    share: float = 0.0
    """Of all that there is, 0 to 1; where it is not 0, `units` says nothing."""

    def of(self, capacity: int) -> int:
        """The amount in units, of a `capacity` in units."""
        return int(capacity * self.share) if self.share else self.units


@dataclass(frozen=True, slots=True)
class Threshold:
    """At least `least` of `signal` is to be left."""

    signal: Signal
    least: Amount
    grace: int = 0
    """For how long it may be passed, in microseconds; 0 of a hard one."""
    reclaim: Amount = Amount()
    """Beyond `least`, once it was passed."""
    is_default: bool = False
    """Nobody has asked for it: of memory, a kernel that knows better has the word."""

    @property
    def is_hard(self) -> bool:
        """Pods have no grace then."""
        return not self.grace


HARD_DEFAULTS = {
    Signal.MEMORY: Amount(100 << 20),
    Signal.NODE_DISK: Amount(share=0.10),
    Signal.NODE_FILES: Amount(share=0.05),
    Signal.IMAGE_DISK: Amount(share=0.15),
    Signal.IMAGE_FILES: Amount(share=0.05),
    Signal.PROCESSES: Amount(share=0.10),
}


@dataclass(frozen=True, slots=True)
class EvictionSettings:
    """All that the options of eviction say."""

    thresholds: tuple[Threshold, ...] = tuple(
        Threshold(signal, least, is_default=True) for signal, least in HARD_DEFAULTS.items()
    )
    """Memory first: it hurts first."""
    transition: int = 300 * SECOND
    """For how long a condition stays, once it is over: what was sent away shall not be sent back at once."""
    most_grace_s: int = 0
    """Of a pod that goes for a soft threshold."""


def eviction_settings(
    hard: str = "",
    soft: str = "",
    soft_grace: str = "",
    minimum_reclaim: str = "",
    most_grace_s: int = 0,
    transition: int = 300 * SECOND,
) -> EvictionSettings:
    """From the texts of `--eviction-hard` and its kin. ThresholdError."""
    given = _amounts("--eviction-hard", hard, "<")
    graces = {
        signal: _duration("--eviction-soft-grace-period", text)
        for signal, text in _pairs("--eviction-soft-grace-period", soft_grace, "=").items()
    }
    reclaims = _amounts("--eviction-minimum-reclaim", minimum_reclaim, "=")
    found = [
        Threshold(signal, least, is_default=signal not in given)
        for signal, least in {**HARD_DEFAULTS, **given}.items()
    ]
    for signal, least in _amounts("--eviction-soft", soft, "<").items():
        if signal not in graces:
            raise ThresholdError(
                f"--eviction-soft: {signal} needs a grace period: --eviction-soft-grace-period {signal}=1m30s"
            )
        found.append(Threshold(signal, least, graces[signal]))
    nothing = Amount()
    thresholds = tuple(
        replace(one, reclaim=reclaims.get(one.signal, nothing))
        for one in sorted(found, key=lambda one: list(Signal).index(one.signal))
        if one.least != nothing and one.least.share < 1
    )
    return EvictionSettings(thresholds, transition, most_grace_s)


def configured(settings: EvictionSettings) -> dict[str, object]:
    """As a KubeletConfiguration shows it."""
    hard = [one for one in settings.thresholds if one.is_hard]
    soft = [one for one in settings.thresholds if not one.is_hard]
    return {
        "evictionHard": {one.signal.value: amount_text(one.least) for one in hard},
        "evictionSoft": {one.signal.value: amount_text(one.least) for one in soft},
        "evictionSoftGracePeriod": {one.signal.value: f"{one.grace // SECOND}s" for one in soft},
        "evictionMinimumReclaim": {
            one.signal.value: amount_text(one.reclaim) for one in hard if one.reclaim != Amount()
        },
        "evictionMaxPodGracePeriod": settings.most_grace_s,
        "evictionPressureTransitionPeriod": f"{settings.transition // SECOND}s",
    }


def amount_text(amount: Amount) -> str:
    """As the options have it: `100Mi`, `10%`."""
    return f"{amount.share * 100:g}%" if amount.share else str(Quantity.of(amount.units, Format.BINARY_SI))


def duration_of(option: str, text: str) -> int:
    """Of `1m30s`, in microseconds. ThresholdError."""
    return _duration(option, text)


def _amounts(option: str, text: str, mark: str) -> dict[Signal, Amount]:
    return {signal: _amount(option, value) for signal, value in _pairs(option, text, mark).items()}


def _pairs(option: str, text: str, mark: str) -> Mapping[Signal, str]:
    found: dict[Signal, str] = {}
    for part in text[:_LONGEST].split(",") if text.strip() else ():
        name, separator, value = (word.strip() for word in part.partition(mark))
        if not separator:
            raise ThresholdError(f"{option}: {part.strip()!r} is not of the form {Signal.MEMORY}{mark}VALUE")
        try:
            signal = Signal(name)
        except ValueError:
            raise ThresholdError(f"{option}: there is no signal {name!r}, but {', '.join(Signal)}") from None
        if signal in found:
            raise ThresholdError(f"{option}: {signal} is there twice")
        found[signal] = value
    return found


def _amount(option: str, text: str) -> Amount:
    if text.endswith("%"):
        try:
            share = float(text[:-1]) / 100
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise ThresholdError(f"{option}: {text!r} is not a part of 0% to 100%")
        return Amount(share=share)
    try:
        units = parse_quantity(text).units
    except QuantityError as error:
        raise ThresholdError(f"{option}: {error}, nor a part such as 10%") from None
    if units < 0:
        raise ThresholdError(f"{option}: {text!r} is less than nothing")
    return Amount(units)


def _duration(option: str, text: str) -> int:
    match = _DURATION.fullmatch(text) if len(text) < 20 else None
    seconds = 0
    if match is not None:
        hours, minutes, rest = (int(group or 0) for group in match.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    if not seconds:
        raise ThresholdError(f"{option}: {text!r} is not a time such as 30s or 1m30s")
    return seconds * SECOND
