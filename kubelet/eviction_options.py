"""A kubelet's options for evictions, as options of `llm-kubelet run`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from kubelet.model.thresholds import EvictionSettings, ThresholdError, duration_of, eviction_settings
from kubelet.refusal import Refusal

_TRANSITION = "--eviction-pressure-transition-period"


class OptionError(Refusal):
    """An option cannot be read."""


def settings_of(
    hard: str, soft: str, soft_grace: str, minimum_reclaim: str, most_grace_s: int, transition: str
) -> EvictionSettings:
    """OptionError names the option and its cure."""
    try:
        period = duration_of(_TRANSITION, transition)
        return eviction_settings(hard, soft, soft_grace, minimum_reclaim, most_grace_s, period)
    except ThresholdError as error:
        raise OptionError(str(error)) from None


def eviction_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds them; the command is given `eviction`, a function that reads them. OptionError."""

    @functools.wraps(command)
    def with_settings(*args: Any, **given: Any) -> Any:
        texts = [given.pop(name) for name in _NAMES]
        return command(*args, eviction=functools.partial(settings_of, *texts), **given)

    for option in reversed(_OPTIONS):
        with_settings = option(with_settings)
    return with_settings


_NAMES = ("hard", "soft", "soft_grace", "minimum_reclaim", "most_grace_s", "transition")
_OPTIONS = (
    click.option(
        "--eviction-hard", "hard", default="", metavar="SIGNAL<AMOUNT,...",
        help="When pods are evicted at once, such as memory.available<2Gi,nodefs.available<5%; laid over a "
        "kubelet's defaults. 0% turns one off.",
    ),
    click.option(
        "--eviction-soft", "soft", default="", metavar="SIGNAL<AMOUNT,...",
        help="When pods are evicted after a grace period.",
    ),
    click.option(
        "--eviction-soft-grace-period", "soft_grace", default="", metavar="SIGNAL=TIME,...",
        help="That grace period, such as memory.available=1m30s.",
    ),
    click.option(
        "--eviction-minimum-reclaim", "minimum_reclaim", default="", metavar="SIGNAL=AMOUNT,...",
        help="How much beyond the threshold must be free before it is over.",
    ),
    click.option(
        "--eviction-max-pod-grace-period", "most_grace_s", type=click.IntRange(min=0), default=0,
        show_default=True, help="Seconds that a pod gets to end when a soft threshold evicts it.",
    ),
    click.option(
        _TRANSITION, "transition", default="5m", show_default=True, metavar="TIME",
        help="For how long a condition stays once its cause is gone.",
    ),
)  # fmt: skip
