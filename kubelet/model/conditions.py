"""Conditions of a pod. k/k pkg/kubelet/status/generate.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubelet.model.phase import Phase
from kubelet.model.pod_spec import Kind, Object, containers, is_sidecar, mapping, objects, spec, status, text
from kubelet.model.times import rfc3339

READY_TO_START = "PodReadyToStartContainers"
INITIALIZED = "Initialized"
READY = "Ready"
CONTAINERS_READY = "ContainersReady"
SCHEDULED = "PodScheduled"
DISRUPTION_TARGET = "DisruptionTarget"
OWNED = (READY_TO_START, INITIALIZED, READY, CONTAINERS_READY, SCHEDULED, DISRUPTION_TARGET)
"""All others are left to whoever writes them."""


@dataclass(frozen=True, slots=True)
class Condition:
    """PodCondition without its times."""

    type: str
    is_true: bool
    reason: str = ""
    message: str = ""


def pod_conditions(
    pod: Object, statuses: Mapping[str, Object], phase: Phase, *, has_sandbox: bool
) -> list[Condition]:
    """In the order in which kubelets write them. Readiness gates are looked up in `pod`, others' writing."""
    together = containers_ready(pod, statuses, phase)
    return [
        Condition(READY_TO_START, has_sandbox),
        initialized(pod, statuses, phase),
        _ready(pod, together),
        together,
        Condition(SCHEDULED, True),
    ]


def containers_ready(pod: Object, statuses: Mapping[str, Object], phase: Phase) -> Condition:
    """Whether all that is to run does, and is ready."""
    counted = [one for one in containers(pod, Kind.INIT) if is_sidecar(one)] + containers(pod)
    names = [str(one["name"]) for one in counted]
    unknown = [name for name in names if name not in statuses]
    if phase is Phase.SUCCEEDED and not unknown:
        return Condition(CONTAINERS_READY, False, "PodCompleted")
    if phase is Phase.FAILED:
        return Condition(CONTAINERS_READY, False, "PodFailed")
    if names and not statuses:
        return Condition(CONTAINERS_READY, False, "UnknownContainerStatuses")
    unready = [name for name in names if name in statuses and not statuses[name].get("ready")]
    message = _listing(unready=unready, unknown=unknown)
    return Condition(CONTAINERS_READY, not message, "ContainersNotReady" if message else "", message)


def initialized(pod: Object, statuses: Mapping[str, Object], phase: Phase) -> Condition:
    """Whether app containers may run."""
    inits = containers(pod, Kind.INIT)
    unknown = [str(one["name"]) for one in inits if str(one["name"]) not in statuses]
    if phase is Phase.SUCCEEDED and not unknown:
        return Condition(INITIALIZED, True, "PodCompleted")
    if any(_has_started(statuses.get(str(one["name"]))) for one in containers(pod)):
        return Condition(INITIALIZED, True)
    if inits and not statuses:
        return Condition(INITIALIZED, False, "UnknownContainerStatuses")
    incomplete = [
        str(one["name"])
        for one in inits
        if str(one["name"]) in statuses
        and not statuses[str(one["name"])].get("started" if is_sidecar(one) else "ready")
    ]
    message = _listing(incomplete=incomplete, unknown=unknown)
    return Condition(INITIALIZED, not message, "ContainersNotInitialized" if message else "", message)


def stamped(conditions: Iterable[Condition], old: Iterable[Object], wall: int) -> list[dict[str, Any]]:
    """As the API has them. A transition time moves only with the condition's status."""
    before = {text(one.get("type")): one for one in old}
    return [_stamp(one, before.get(one.type, {}), wall) for one in conditions]


def _stamp(one: Condition, old: Object, wall: int) -> dict[str, Any]:
    value: dict[str, Any] = {"type": one.type, "status": "True" if one.is_true else "False"}
    is_same = old.get("status") == value["status"] and old.get("lastTransitionTime")
    value["lastProbeTime"] = None
    value["lastTransitionTime"] = old["lastTransitionTime"] if is_same else rfc3339(wall)
    if one.reason:
        value["reason"] = one.reason
    if one.message:
        value["message"] = one.message
    return value


def _ready(pod: Object, together: Condition) -> Condition:
    if not together.is_true:
        return Condition(READY, False, together.reason, together.message)
    there = {text(one.get("type")): one.get("status") for one in objects(status(pod).get("conditions"))}
    problems = []
    for gate in objects(spec(pod).get("readinessGates")):
        name = text(gate.get("conditionType"))
        if name not in there:
            problems.append(f'corresponding condition of pod readiness gate "{name}" does not exist.')
        elif there[name] != "True":
            problems.append(f'the status of pod readiness gate "{name}" is not "True", but {there[name]}')
    return Condition(READY, not problems, "ReadinessGatesNotReady" if problems else "", ", ".join(problems))


def _listing(**names: list[str]) -> str:
    return ", ".join(
        f"containers with {what} status: [{' '.join(some)}]" for what, some in names.items() if some
    )


def _has_started(container_status: Object | None) -> bool:
    if container_status is None:
        return False
    state, last = mapping(container_status.get("state")), mapping(container_status.get("lastState"))
    return "running" in state or "terminated" in state or "terminated" in last
