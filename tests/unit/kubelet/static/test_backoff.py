from __future__ import annotations

from kubelet.static.backoff import NS_PER_S, Failures, next_step, restart_wait_ns


def test_the_series_of_restarts() -> None:
    waits = [restart_wait_ns(step) // NS_PER_S for step in range(10)]
    assert waits == [0, 0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert restart_wait_ns(10**6) == 300 * NS_PER_S


def test_a_long_run_begins_a_new_series() -> None:
    assert [next_step(0, 0), next_step(4, 599 * NS_PER_S), next_step(4, 601 * NS_PER_S)] == [1, 5, 1]


def test_failures_by_key() -> None:
    failures = Failures()
    assert failures.again_ns("a") == 0
    assert [failures.note("a", False, 0) for _ in range(7)] == [10, 20, 40, 80, 160, 300, 300]
    assert [failures.note("b", True, 5) for _ in range(6)] == [0.5, 1, 2, 4, 8, 10]
    assert failures.again_ns("b") == 5 + 10 * NS_PER_S
    failures.clear("a")
    failures.clear("a")
    assert (failures.again_ns("a"), failures.note("a", False, 0)) == (0, 10)
    failures.keep({"a"})
    assert failures.again_ns("b") == 0
