"""What is short, for how long that counts, and when it is over."""

from __future__ import annotations

from kubelet.model.pressure import Observation, Pressure, PressureState
from kubelet.model.thresholds import EvictionSettings, Signal, eviction_settings

GIB = 1 << 30
MINUTE = 60 * 1_000_000


class Rig:
    def __init__(self, settings: EvictionSettings | None = None) -> None:
        self.state = PressureState(settings or EvictionSettings())
        self.seen = {Signal.MEMORY: Observation(8 * GIB, 16 * GIB)}

    def look(self, minute: float, available: int | None = None, *, is_short: bool | None = None) -> Pressure:
        if available is not None:
            self.seen[Signal.MEMORY] = Observation(available, 16 * GIB, is_short)
        return self.state.look(self.seen, int(minute * MINUTE))


def test_nothing_is_short() -> None:
    assert Rig().look(0) == Pressure()


def test_a_condition_stays_for_five_minutes_more_and_a_breach_does_not() -> None:
    rig = Rig()
    low = rig.look(0, 52 << 20)
    assert low.conditions == {"MemoryPressure"}
    (breach,) = low.breaches
    assert (breach.available, breach.least, breach.missing) == (52 << 20, 100 << 20, 48 << 20)
    assert breach.used == 16 * GIB - (52 << 20)
    rig.look(1)
    over = rig.look(2, 8 * GIB)
    assert (over.conditions, over.breaches) == (frozenset({"MemoryPressure"}), ())
    assert rig.look(5.9).conditions == {"MemoryPressure"}
    assert rig.look(6).conditions == frozenset()


def test_memory_comes_first_and_parts_are_of_the_whole() -> None:
    rig = Rig()
    rig.seen[Signal.IMAGE_DISK] = Observation(14, 100)
    rig.seen[Signal.NODE_DISK] = Observation(14, 100)
    found = rig.look(0, 0)
    assert [one.signal for one in found.breaches] == [Signal.MEMORY, Signal.IMAGE_DISK]
    assert found.conditions == {"MemoryPressure", "DiskPressure"}


def test_a_kernel_that_knows_has_the_word_unless_a_number_was_asked_for() -> None:
    assert Rig().look(0, 0, is_short=False) == Pressure()
    assert Rig().look(0, 8 * GIB, is_short=True).conditions == {"MemoryPressure"}
    asked = Rig(eviction_settings("memory.available<1Gi"))
    assert asked.look(0, GIB - 1, is_short=False).conditions == {"MemoryPressure"}
    assert Rig(eviction_settings("memory.available<1Gi")).look(0, GIB, is_short=True) == Pressure()


def test_a_soft_one_shows_at_once_and_counts_after_its_grace() -> None:
    rig = Rig(eviction_settings("", "memory.available<4Gi", "memory.available=2m"))
    first = rig.look(0, 3 * GIB)
    assert (first.conditions, first.breaches) == (frozenset({"MemoryPressure"}), ())
    assert rig.look(1.9).breaches == ()
    assert [one.threshold.is_hard for one in rig.look(2).breaches] == [False]
    rig.look(3, 8 * GIB)
    assert rig.look(4, 3 * GIB).breaches == ()  # the grace begins anew


def test_it_is_not_over_before_enough_is_there_again() -> None:
    rig = Rig(eviction_settings("memory.available<1Gi", minimum_reclaim="memory.available=1Gi"))
    assert rig.look(0, GIB).breaches == ()
    rig.look(1, GIB - 1)
    (still,) = rig.look(2, 2 * GIB - 1).breaches
    assert still.missing == 1
    assert rig.look(3, 2 * GIB).breaches == ()
    assert rig.look(4, GIB).breaches == ()
