"""Waking up after a sleep of the machine, which its clocks tell."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kubelet.clock import Clock
from kubelet.node.sleep import SleepWatch

_LOOK_S = 1.0
_log = logging.getLogger(__name__)


async def watch_sleep(clock: Clock, on_wake: Callable[[], None]) -> None:
    """Call `on_wake` whenever the machine has slept, until cancelled."""
    watch = SleepWatch(_wall(clock), clock.monotonic())
    while True:
        await clock.sleep(_LOOK_S)
        if slept := watch.look(_wall(clock), clock.monotonic()):
            _log.info("the machine has slept for %d s", slept // 1_000_000)
            on_wake()


def _wall(clock: Clock) -> int:
    return int(clock.wall().timestamp() * 1_000_000)
