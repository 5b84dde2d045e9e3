"""Outcomes."""

from __future__ import annotations

from typing import get_args

from kubelet.model import outcomes
from kubelet.model.outcomes import Outcome


def test_the_union_has_all_outcomes() -> None:
    classes = {value for value in vars(outcomes).values() if hasattr(value, "__dataclass_fields__")}
    assert set(get_args(Outcome)) == classes
