"""Taints."""

from __future__ import annotations

import pytest

from kubelet.model.taints import taint_text, tolerates, untolerated

TAINT = {"key": "k", "value": "v", "effect": "NoExecute"}


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"key": "k", "value": "v", "effect": "NoExecute"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "operator": "Equal", "value": "w"}, False),
        ({"key": "k", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "other", "operator": "Exists"}, False),
        ({"operator": "Exists", "effect": "NoSchedule"}, False),
        ({"key": "k", "operator": "Perhaps"}, False),
    ],
)
def test_tolerating(toleration: dict[str, str], expected: bool) -> None:
    assert tolerates(toleration, TAINT) is expected


def test_only_the_effect_that_is_asked_for() -> None:
    taints = [{"key": "a", "effect": "NoSchedule"}, TAINT]
    assert untolerated({}, taints) == TAINT
    assert untolerated({"spec": {"tolerations": [{"operator": "Exists"}]}}, taints) is None
    assert taint_text(TAINT) == "{k: v}"
