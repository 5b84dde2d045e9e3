"""Decisions."""

from __future__ import annotations

from kubelet.model.decision import Decision, EventType, PodEvent


def test_equal_decisions_are_equal() -> None:
    event = PodEvent(EventType.NORMAL, "Started", "Started container llm", "spec.containers{llm}")
    assert Decision((), (event,), {"phase": "Running"}, 5) == Decision((), (event,), {"phase": "Running"}, 5)
