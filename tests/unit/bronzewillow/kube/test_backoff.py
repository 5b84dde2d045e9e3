from __future__ import annotations

from bronzewillow.kube.backoff import Backoff, BackoffConfig

SECOND = 1_000_000


def test_it_doubles_up_to_the_longest() -> None:
    backoff = Backoff(BackoffConfig(), lambda: 0.0)
    assert [backoff.after_failure(0) for _ in range(8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_jitter_makes_it_up_to_twice_as_long() -> None:
    assert Backoff(BackoffConfig(), lambda: 0.5).after_failure(0) == 0.8 * 1.5


def test_it_begins_anew_after_two_good_minutes() -> None:
    backoff = Backoff(BackoffConfig(), lambda: 0.0)
    assert backoff.after_failure(0) == 0.8
    assert backoff.after_failure(120 * SECOND) == 1.6
    assert backoff.after_failure(241 * SECOND) == 0.8


def test_it_begins_anew_when_it_is_told_to() -> None:
    backoff = Backoff(BackoffConfig(), lambda: 0.0)
    backoff.after_failure(0)
    backoff.reset()
    assert [backoff.after_failure(0) for _ in range(2)] == [0.8, 1.6]
