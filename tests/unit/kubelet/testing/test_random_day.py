"""Random days. Longer ones are in tests/sim/kubelet."""

from __future__ import annotations

from kubelet.model.times import SECOND
from kubelet.testing.random_day import RandomDay


def test_what_was_made_is_gone() -> None:
    day = RandomDay(3, most=2)
    day.run(60 * SECOND)
    assert day.tally["made"] == day.tally["gone"] > 0
