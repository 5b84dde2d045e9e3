from __future__ import annotations

import random

import pytest

from bronzewillow.testing.aio import run
from runtime.registry.backoff import FIRST_S, LONGEST_S, Backoff, parse_retry_after


def test_pauses_grow_to_a_bound_and_end() -> None:
    slept: list[float] = []
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def all_tries() -> None:
        backoff = Backoff(12, sleep, random.Random(1))
        while await backoff.pause(tell=told.append):
            assert backoff.left == 12 - len(slept)

    run(all_tries())
    assert len(slept) == 11
    assert told == slept
    assert FIRST_S / 2 <= slept[0] <= FIRST_S * 1.5
    assert all(LONGEST_S / 2 <= one <= LONGEST_S * 1.5 for one in slept[-4:])


@pytest.mark.parametrize("seed", range(50))
def test_a_limit_of_time_ends_it_before_the_tries_do(seed: int) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def all_tries() -> None:
        backoff = Backoff(9, sleep, random.Random(seed), clock=lambda: sum(slept))
        while await backoff.pause(limit_s=2.0):
            pass

    run(all_tries())
    assert 2 <= sum(slept) < 5 and 3 <= len(slept) < 8


def test_what_the_registry_asks_for_is_the_least_and_success_begins_anew() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> None:
        backoff = Backoff(3, sleep)
        assert await backoff.pause(7)
        assert await backoff.pause(1e9)
        backoff.reset()
        assert await backoff.pause()
        assert await backoff.pause()
        assert not await backoff.pause()

    run(main())
    assert slept[:2] == [7, 60]
    assert slept[2] < 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("3", 3),
        (" 120 ", 120),
        ("-1", 0),
        ("soon", 0),
        ("9" * 50, 999999999),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90),
        ("Thu, 01 Jan 1970 00:00:05 GMT", 0),
    ],
)
def test_retry_after(value: str | None, seconds: float) -> None:
    assert parse_retry_after(value, now=10) == seconds
