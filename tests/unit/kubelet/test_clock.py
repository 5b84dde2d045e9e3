from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bronzewillow.host import tasks
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.clock import SystemClock, sleep_or_wake


def test_both_clocks_go_on() -> None:
    clock = SystemClock()
    first = clock.monotonic()
    assert abs(clock.wall() - datetime.now(UTC)) < timedelta(minutes=1)
    assert clock.monotonic() >= first


def test_a_sleeper_can_be_woken() -> None:
    async def main() -> None:
        wake = asyncio.Event()
        sleeping = tasks.spawn(sleep_or_wake(SystemClock(), 3600.0, wake), name="sleeper")
        await asyncio.sleep(0)
        wake.set()
        await sleeping
        await until(lambda: tasks.running() == 0)

    run(main())


def test_a_sleeper_wakes_by_himself() -> None:
    run(sleep_or_wake(SystemClock(), 0.0, asyncio.Event()))
