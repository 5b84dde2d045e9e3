from __future__ import annotations

import pytest

from bronzewillow.kube.leaving import LEAVING, is_leaving


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({}, False),
        ({"metadata": {"annotations": None}}, False),
        ({"metadata": {"annotations": {LEAVING: "false"}}}, False),
        ({"metadata": {"annotations": {LEAVING: "true"}}}, True),
    ],
)
def test_the_mark(node: dict[str, object], expected: bool) -> None:
    assert is_leaving(node) is expected
