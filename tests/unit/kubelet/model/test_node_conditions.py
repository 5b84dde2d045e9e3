from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubelet.model.node_conditions import NodeCondition, node_conditions, stamped, transitions
from kubelet.model.node_facts import Health, Machine, NodeSettings, NodeState, Runtime
from kubelet.model.node_resources import capacity

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = Machine("darwin", "arm64", "", "", 8, 0, 1 << 34, 0, 1 << 40, "", "", "", "", "")
GOOD = Runtime("llm-containerd", "0.1.0", problem="")
HEALTHY = Health()


def conditions(
    runtime: Runtime = GOOD,
    health: Health = HEALTHY,
    addresses: tuple[str, ...] = ("192.0.2.7",),
    cpu: str = "8",
) -> list[NodeCondition]:
    state = NodeState(MACHINE, NodeSettings("mac-1"), addresses, runtime, (), health)
    return node_conditions(state, {**capacity(MACHINE, 110), "cpu": cpu})


def test_all_is_well_in_a_kubelets_words() -> None:
    assert [(one.type, one.is_true, one.reason, one.message) for one in conditions()] == [
        ("MemoryPressure", False, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", False, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", False, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", True, "KubeletReady", "kubelet is posting ready status"),
    ]


def test_what_is_short() -> None:
    found = conditions(health=Health(is_memory_low=True, is_disk_low=True, is_pids_low=True))
    assert [(one.is_true, one.reason) for one in found[:3]] == [
        (True, "KubeletHasInsufficientMemory"),
        (True, "KubeletHasDiskPressure"),
        (True, "KubeletHasInsufficientPID"),
    ]
    assert found[3].is_true


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"runtime": Runtime()}, "container runtime status check may not have completed yet"),
        ({"runtime": Runtime(problem="", network_problem="no network")}, "no network"),
        ({"runtime": Runtime(problem="down", network_problem="no network")}, "[down, no network]"),
        (
            {"runtime": Runtime(problem="", lifecycle_problem="PLEG is not healthy: x")},
            "PLEG is not healthy: x",
        ),
        (
            {"runtime": Runtime(problem="down", lifecycle_problem="PLEG", network_problem="no network")},
            "[down, PLEG, no network]",
        ),
        ({"addresses": ()}, "the machine has no network address"),
        ({"cpu": "0"}, "Missing node capacity for resources: cpu"),
        ({"health": Health(ending="node is shutting down")}, "node is shutting down"),
    ],
)
def test_why_a_node_is_not_ready(changed: dict[str, Any], message: str) -> None:
    ready = conditions(**changed)[-1]
    assert (ready.is_true, ready.reason, ready.message) == (False, "KubeletNotReady", message)


def test_a_transitions_time_moves_with_the_status_alone() -> None:
    first = stamped(conditions(), (), NOW)
    later = NOW + timedelta(minutes=5)
    second = stamped(conditions(health=Health(is_disk_low=True)), first, later)
    assert {one["lastHeartbeatTime"] for one in second} == {"2026-01-01T00:05:00Z"}
    assert [one["lastTransitionTime"] for one in second] == [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:05:00Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
    ]


def test_changes_are_events() -> None:
    good = stamped(conditions(), (), NOW)
    bad = stamped(conditions(runtime=Runtime(), health=Health(is_memory_low=True, is_disk_low=True)), (), NOW)
    assert transitions(good, ()) == ["NodeReady"]
    assert transitions(bad, ()) == []
    assert transitions(bad, good) == ["NodeHasInsufficientMemory", "NodeHasDiskPressure", "NodeNotReady"]
    assert transitions(good, bad) == ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeReady"]
    assert transitions(good, good) == []
