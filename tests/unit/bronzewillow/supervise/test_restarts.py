from __future__ import annotations

from bronzewillow.supervise.restarts import Restarts


def test_the_first_is_at_once_and_a_long_life_begins_anew() -> None:
    restarts = Restarts()
    assert [restarts.wait_s(1) for _ in range(10)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [restarts.wait_s(61), restarts.wait_s(60)] == [0, 0.5]
