from __future__ import annotations

import pytest

from kubelet.node.memory import MemoryReading, read_memory


@pytest.mark.parametrize(
    ("available", "level", "is_low"),
    [
        (100 << 20, 0, False),
        (99 << 20, 0, True),
        (8 << 30, 4, True),
        (0, 2, False),  # on a Mac free memory says little
    ],
)
def test_what_counts_as_low(available: int, level: int, is_low: bool) -> None:
    assert MemoryReading(available, 8 << 30, level).is_low is is_low


def test_this_machine_can_be_read() -> None:
    reading = read_memory()
    assert reading.available_bytes > 0
    assert reading.used_bytes > 0
