from __future__ import annotations

import pytest

from kubelet.node.memory import observed, read_memory


@pytest.mark.parametrize(("level", "is_short"), [(0, None), (1, False), (2, False), (4, True)])
def test_what_macos_says(level: int, is_short: bool | None) -> None:
    assert observed(1, 2, level).is_short is is_short


def test_this_machine_can_be_read() -> None:
    seen = read_memory()
    assert 0 < seen.available < seen.capacity
