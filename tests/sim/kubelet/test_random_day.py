"""Random events: a status never goes back, every deletion ends, nothing runs twice, equal seeds are equal."""

from __future__ import annotations

import pytest

from kubelet.model.times import SECOND
from kubelet.testing.random_day import RandomDay

MINUTE = 60 * SECOND


@pytest.mark.parametrize("seed", range(3))
def test_ten_minutes(seed: int) -> None:
    RandomDay(seed, most=4).run(10 * MINUTE)


def test_equal_seeds_write_equal_statuses() -> None:
    days = [RandomDay(7, most=3), RandomDay(7, most=3)]
    for day in days:
        day.run(5 * MINUTE)
    assert days[0].history == days[1].history != []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_a_day(seed: int) -> None:
    day = RandomDay(seed)
    day.run(24 * 60 * MINUTE)
    assert day.tally["made"] == day.tally["gone"] > 200
    assert all(
        day.tally[kind] > 10 for kind in ("delete", "force", "evict", "kill", "sandbox", "agent", "api")
    )
