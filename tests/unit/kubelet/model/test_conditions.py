"""Conditions."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.conditions import Condition, containers_ready, initialized, pod_conditions, stamped
from kubelet.model.phase import Phase
from kubelet.model.times import SECOND

RUN: dict[str, Any] = {"ready": True, "started": True, "state": {"running": {}}, "lastState": {}}
WAIT: dict[str, Any] = {"ready": False, "started": False, "state": {"waiting": {}}, "lastState": {}}
POD: dict[str, Any] = {
    "spec": {
        "initContainers": [{"name": "i"}, {"name": "side", "restartPolicy": "Always"}],
        "containers": [{"name": "a"}, {"name": "b"}],
    }
}


def test_order() -> None:
    conditions = pod_conditions(POD, {"a": RUN}, Phase.RUNNING, has_sandbox=True)
    names = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
    assert [one.type for one in conditions] == names


@pytest.mark.parametrize(
    ("statuses", "phase", "reason", "message"),
    [
        ({}, Phase.PENDING, "UnknownContainerStatuses", ""),
        (
            {"side": RUN, "a": WAIT, "b": WAIT},
            Phase.PENDING,
            "ContainersNotReady",
            "containers with unready status: [a b]",
        ),
        (
            {"side": WAIT, "a": RUN},
            Phase.RUNNING,
            "ContainersNotReady",
            "containers with unready status: [side], containers with unknown status: [b]",
        ),
        ({"side": RUN, "a": RUN, "b": RUN}, Phase.SUCCEEDED, "PodCompleted", ""),
        ({"side": RUN, "a": RUN, "b": RUN}, Phase.FAILED, "PodFailed", ""),
    ],
)
def test_not_ready(statuses: dict[str, Any], phase: Phase, reason: str, message: str) -> None:
    assert containers_ready(POD, statuses, phase) == Condition("ContainersReady", False, reason, message)


def test_ready() -> None:
    assert containers_ready(POD, {"side": RUN, "a": RUN, "b": RUN}, Phase.RUNNING).is_true


def test_initialized() -> None:
    incomplete = initialized(POD, {"i": WAIT, "side": RUN, "a": WAIT}, Phase.PENDING)
    assert incomplete.message == "containers with incomplete status: [i]"
    assert incomplete.reason == "ContainersNotInitialized"
    assert initialized(POD, {"i": {**WAIT, "ready": True}, "side": RUN, "a": WAIT}, Phase.PENDING).is_true
    assert initialized(POD, {"i": WAIT, "side": WAIT, "a": RUN}, Phase.RUNNING).is_true
    assert initialized(POD, {"i": WAIT, "side": WAIT}, Phase.SUCCEEDED).reason == "PodCompleted"
    assert initialized(POD, {}, Phase.PENDING).reason == "UnknownContainerStatuses"


def test_two_gates() -> None:
    spec = {"containers": [{"name": "a"}], "readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]}
    pod = {"spec": spec, "status": {"conditions": [{"type": "y", "status": "False"}]}}
    ready = pod_conditions(pod, {"a": RUN}, Phase.RUNNING, has_sandbox=True)[2]
    assert ready == Condition(
        "Ready",
        False,
        "ReadinessGatesNotReady",
        'corresponding condition of pod readiness gate "x" does not exist., '
        'the status of pod readiness gate "y" is not "True", but False',
    )


def test_a_transition_time_moves_with_the_status_only() -> None:
    (first,) = stamped([Condition("Ready", False, "A")], [], 5 * SECOND)
    (same,) = stamped([Condition("Ready", False, "B", "m")], [first], 9 * SECOND)
    (moved,) = stamped([Condition("Ready", True)], [same], 9 * SECOND)
    assert first["lastTransitionTime"] == same["lastTransitionTime"] == "1970-01-01T00:00:05Z"
    assert (same["reason"], same["message"]) == ("B", "m")
    assert moved == {
        "type": "Ready",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": "1970-01-01T00:00:09Z",
    }
