"""Conditions of a Node, and the events of their changes. k/k pkg/kubelet/nodestatus/setters.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bronzewillow.kube.times import emit_time
from kubelet.model.node_facts import NodeState

_REQUIRED = ("cpu", "memory", "ephemeral-storage", "pods")


@dataclass(frozen=True, slots=True)
class NodeCondition:
    """One, without its times."""

    type: str
    is_true: bool
    reason: str
    message: str


def node_conditions(state: NodeState, capacity: Mapping[str, str]) -> list[NodeCondition]:
    """Those that are ours, Ready last."""
    health = state.health
    return [
        _pressure("MemoryPressure", health.is_memory_low, "Memory", "memory available"),
        _disk_pressure(health.is_disk_low),
        _pressure("PIDPressure", health.is_pids_low, "PID", "PID available"),
        _ready(state, capacity),
    ]


def stamped(
    conditions: Iterable[NodeCondition], before: Iterable[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """As the API has them. A transition's time moves only with the status."""
    known = {one.get("type"): one for one in before}
    return [_stamp(one, known.get(one.type, {}), now) for one in conditions]


def transitions(conditions: Iterable[Mapping[str, Any]], before: Iterable[Mapping[str, Any]]) -> list[str]:
    """The reasons of the events that tell of changes. Of a first report only Ready is worth one."""
    known = {one.get("type"): one.get("status") for one in before}
    events = []
    for one in conditions:
        kind, status = one["type"], one["status"]
        if known.get(kind) == status or (kind not in known and (kind, status) != ("Ready", "True")):
            continue
        if kind == "Ready":
            events.append("NodeReady" if status == "True" else "NodeNotReady")
        else:
            events.append(f"Node{one['reason'].removeprefix('Kubelet')}")
    return events


def _pressure(kind: str, is_low: bool, what: str, of_what: str) -> NodeCondition:
    if is_low:
        return NodeCondition(
            kind, True, f"KubeletHasInsufficient{what}", f"kubelet has insufficient {of_what}"
        )
    return NodeCondition(kind, False, f"KubeletHasSufficient{what}", f"kubelet has sufficient {of_what}")


def _disk_pressure(is_low: bool) -> NodeCondition:
    if is_low:
        return NodeCondition("DiskPressure", True, "KubeletHasDiskPressure", "kubelet has disk pressure")
    return NodeCondition("DiskPressure", False, "KubeletHasNoDiskPressure", "kubelet has no disk pressure")


def _ready(state: NodeState, capacity: Mapping[str, str]) -> NodeCondition:
    missing = [name for name in _REQUIRED if capacity.get(name, "0") in ("0", "0Ki")]
    problems = [
        state.runtime.problem,
        state.runtime.lifecycle_problem,
        f"Missing node capacity for resources: {', '.join(missing)}" if missing else "",
        state.runtime.network_problem,
        "" if state.addresses else "the machine has no network address",
        state.health.ending,
    ]
    found = [problem for problem in problems if problem]
    if not found:
        return NodeCondition("Ready", True, "KubeletReady", "kubelet is posting ready status")
    message = found[0] if len(found) == 1 else f"[{', '.join(found)}]"  # as Go writes an Aggregate
    return NodeCondition("Ready", False, "KubeletNotReady", message)


def _stamp(one: NodeCondition, old: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    status = "True" if one.is_true else "False"
    is_same = old.get("status") == status and old.get("lastTransitionTime")
    return {
        "type": one.type,
        "status": status,
        "reason": one.reason,
        "message": one.message,
        "lastHeartbeatTime": emit_time(now),
        "lastTransitionTime": old["lastTransitionTime"] if is_same else emit_time(now),
    }
