"""Microseconds of the loop's clock, and timers that are never early."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.agent.clock import Clock
from bronzewillow.testing.aio import run


class Stopped(asyncio.SelectorEventLoop):
    """A loop whose time stands still."""

    instant = 0.0

    def time(self) -> float:
        return self.instant


LOOP = Stopped()
LOOP.close()  # only its clock is used


def test_microseconds_of_the_loop() -> None:
    async def main() -> tuple[int, int, int]:
        loop = asyncio.get_running_loop()
        before = int(loop.time() * 1e6)
        return before, Clock(loop).now(), int(loop.time() * 1e6)

    before, now, after = run(main())
    assert before <= now <= after


@given(st.integers(0, 10**15))
@pytest.mark.case("report-1")
def test_when_a_timer_fires_its_deadline_has_come(deadline: int) -> None:
    clock = Clock(LOOP)
    LOOP.instant = clock.loop_time(deadline)
    assert deadline <= clock.now() <= deadline + 2
