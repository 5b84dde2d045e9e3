"""How many threads."""

from __future__ import annotations

from runtime.runm.threads import default_threads, performance_cores


def test_one_core_is_left_alone() -> None:
    assert performance_cores() >= 1
    assert default_threads() == max(1, performance_cores() - 1)
