from __future__ import annotations

from bronzewillow.stack.tcp.memory import Memory


def test_short_beyond_the_bound_exhausted_beyond_twice() -> None:
    memory = Memory(100)
    states = []
    for _ in range(3):
        memory.move(100)
        states.append((memory.is_short, memory.is_exhausted))
    assert states == [(False, False), (True, False), (True, True)]
    memory.move(-200)
    assert not memory.is_short


def test_the_process_counts_what_its_pods_hold() -> None:
    process = Memory(150)
    one, other = Memory(100, process), Memory(100, process)
    one.move(80)
    assert not one.is_short
    other.move(80)
    assert one.is_short and other.is_short and process.used_bytes == 160
    other.move(160)
    assert one.is_exhausted
