"""Virtual time."""

from __future__ import annotations

from kubelet.testing.virtual_time import VirtualTime


def test_in_order_and_what_is_said_meanwhile_too() -> None:
    time, seen = VirtualTime(), []
    time.at(5, lambda: seen.append(("b", time.now)))
    time.at(3, lambda: time.at(1, lambda: seen.append(("a", time.now))))
    time.at(5, lambda: seen.append(("c", time.now)))
    time.at(9, lambda: seen.append(("late", time.now)))
    time.run(8)
    assert seen == [("a", 3), ("b", 5), ("c", 5)]
    assert time.now == 8


def test_the_wall_clock_can_jump() -> None:
    time = VirtualTime()
    before = time.wall
    time.wall_offset += 7
    assert (time.wall - before, time.now) == (7, 0)
