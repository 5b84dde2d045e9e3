"""How long which failure is worth another try, and who hears of it."""

from __future__ import annotations

import asyncio
import math

import aiohttp
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.leaping_loop import run_leaping
from runtime.registry.backoff import Backoff
from runtime.registry.patience import LeastSpeed, Patience, TooSlow, warn

ABSENT = aiohttp.ConnectionTimeoutError()


async def _at_once(seconds: float) -> None:
    pass


def patience(told: list[str], now_s: list[float]) -> Patience:
    return Patience(3, 2.0, math.inf, told.append, lambda tries: Backoff(tries, _at_once), lambda: now_s[-1])


def test_who_has_answered_is_waited_for_longer() -> None:
    one = patience([], [0.0])
    assert one.limit_s("r", ABSENT) == 2.0
    assert one.limit_s("r", TimeoutError()) == math.inf
    one.hear("r")
    assert one.limit_s("r", ABSENT) == math.inf
    assert one.limit_s("other", ABSENT) == 2.0


def test_what_is_tried_again_is_told_now_and_then() -> None:
    told: list[str] = []
    now_s = [0.0]

    async def main() -> None:
        one = patience(told, now_s)
        backoff = one.backoff()
        assert await one.again(backoff, "r", "registry r: 503")
        now_s.append(9.0)
        assert await one.again(backoff, "r", "registry r: 503")
        assert not await one.again(backoff, "r", "registry r: 503")
        assert await one.again(one.backoff(), "r", "registry r: 502")
        now_s.append(10.0)
        assert await one.again(one.backoff(), "r", "registry r: away", asked_s=60, limit_s=2.0)
        assert await one.again(one.backoff(), "q", "registry q: 503")

    run(main())
    assert [text.partition(";")[0] for text in told] == [
        "registry r: 503",
        "registry r: away",
        "registry q: 503",
    ]
    assert told[0].endswith(" s, at most 2 times")
    assert told[1].endswith("; trying again in 60.0 s, for 2 s")


def test_an_answer_that_does_not_come_soon_is_told() -> None:
    told: list[str] = []

    async def main() -> None:
        one = patience(told, [0.0])
        with one.waiting("quick"):
            pass
        for _ in range(2):
            with pytest.raises(TimeoutError), one.waiting("r"):
                async with asyncio.timeout(60):
                    await asyncio.Event().wait()

    run_leaping(main(), 1000)
    assert told == ["registry r: no answer for 3 s; waiting"]


def test_whoever_keeps_a_log_has_it_there(caplog: pytest.LogCaptureFixture) -> None:
    warn("registry r: 100 %; trying again")
    assert caplog.messages == ["registry r: 100 %; trying again"]


@pytest.mark.parametrize(
    ("size", "is_slow"), [(LeastSpeed.LEAST_BYTES - 1, True), (LeastSpeed.LEAST_BYTES, False)]
)
def test_the_least_speed(size: int, is_slow: bool) -> None:
    async def main() -> None:
        speed, waiting = LeastSpeed(), asyncio.Event()
        for part in (size, 0):
            speed.count(part)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(LeastSpeed.WINDOW_S / 2):
                    await waiting.wait()
        try:
            speed.count(0)
        except TooSlow as error:
            assert is_slow and "fewer than 8,192 bytes" in str(error)
        else:
            assert not is_slow

    run_leaping(main(), 1000)


def test_time_that_we_took_ourselves_does_not_count() -> None:
    async def main() -> None:
        speed, waiting = LeastSpeed(), asyncio.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LeastSpeed.WINDOW_S):
                await waiting.wait()
        speed.begin()
        speed.count(1)

    run_leaping(main(), 1000)
