from __future__ import annotations

from kubelet.node.sleep import SleepWatch

SECOND = 1_000_000


def test_a_sleep_shows_in_the_wall_clock_alone() -> None:
    watch = SleepWatch(wall=0, monotonic=0)
    assert watch.look(SECOND, SECOND) == 0
    assert watch.look(3600 * SECOND, 2 * SECOND) == 3598 * SECOND
    assert watch.look(3601 * SECOND, 3 * SECOND) == 0


def test_a_slow_wake_up_and_a_corrected_clock_are_no_sleep() -> None:
    watch = SleepWatch(wall=0, monotonic=0)
    assert watch.look(60 * SECOND, 60 * SECOND) == 0
    assert watch.look(64 * SECOND, 61 * SECOND) == 0
    assert watch.look(0, 62 * SECOND) == 0
