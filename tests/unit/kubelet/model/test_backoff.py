"""Back-off."""

from __future__ import annotations

from kubelet.model.backoff import FORGOTTEN_AFTER, Backoff
from kubelet.model.times import SECOND


def test_the_series() -> None:
    backoff, now, waits = Backoff(), 0, []
    for _ in range(8):
        waits.append((backoff.until(now) - now) // SECOND)
        now = backoff.until(now)
        backoff.step(now, now)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_it_begins_anew_after_more_than_ten_minutes() -> None:
    backoff = Backoff()
    backoff.step(0, 0)
    assert backoff.until(FORGOTTEN_AFTER) == FORGOTTEN_AFTER + 10 * SECOND
    assert backoff.until(FORGOTTEN_AFTER + 1) == FORGOTTEN_AFTER + 1
    backoff.step(FORGOTTEN_AFTER + 1, FORGOTTEN_AFTER + 1)
    assert backoff.delay == 10 * SECOND
