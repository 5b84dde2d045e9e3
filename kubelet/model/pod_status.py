"""The whole status of a pod."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubelet.model.conditions import (
    CONTAINERS_READY,
    DISRUPTION_TARGET,
    OWNED,
    READY,
    SCHEDULED,
    Condition,
    pod_conditions,
    stamped,
)
from kubelet.model.container_status import ContainerView, Waiting, container_status, lost_status
from kubelet.model.decision import NodeFacts, Refusal
from kubelet.model.observed import ObservedSandbox
from kubelet.model.phase import Phase, phase_of
from kubelet.model.pod_spec import (
    Kind,
    Object,
    containers,
    is_static,
    is_terminal,
    metadata,
    objects,
    status,
    text,
)
from kubelet.model.qos import QosClass, qos_class
from kubelet.model.quantity import QuantityError
from kubelet.model.times import rfc3339

OWN_FIELDS = (
    "observedGeneration", "phase", "conditions", "message", "reason", "hostIP", "hostIPs", "podIP", "podIPs",
    "startTime", "initContainerStatuses", "containerStatuses", "qosClass",
)  # fmt: skip
"""What a status of ours may hold; other fields of the API's status are others'."""


@dataclass(frozen=True, slots=True)
class PodView:
    """What a pod's status is made of."""

    pod: Object
    old: Object
    """The status that was told before."""
    sandbox: ObservedSandbox | None
    views: Sequence[ContainerView]
    has_ended: bool
    """All containers have ended, and none is started any more."""
    reason: str = ""
    """Why the node ended it; shown once it has ended."""
    message: str = ""
    is_disrupted: bool = False


def own_status(pod: Object) -> dict[str, Any]:
    """The part of the API object's status that is ours to write."""
    there = status(pod)
    own = {key: there[key] for key in OWN_FIELDS if key in there}
    if "conditions" in own:
        own["conditions"] = [dict(one) for one in objects(own["conditions"]) if one.get("type") in OWNED]
    return own


def pod_status(view: PodView, facts: NodeFacts, wall: int) -> dict[str, Any]:
    """Of a pod that was taken."""
    pod, old = view.pod, view.old
    inits = _statuses(view, Kind.INIT, facts)
    apps = _statuses(view, Kind.APP, facts)
    statuses = {**inits, **apps}
    phase = phase_of(pod, statuses, has_ended=view.has_ended)
    if view.has_ended and not is_terminal(phase) and not is_static(pod):
        phase = Phase.FAILED
    if view.reason and is_terminal(phase):
        phase = Phase.FAILED
    has_sandbox = view.sandbox is not None and view.sandbox.is_ready and bool(view.sandbox.ips)
    conditions = pod_conditions(pod, statuses, phase, has_sandbox=has_sandbox and not view.has_ended)
    value = {
        **_generation(pod),
        "phase": _shown(phase, view),
        "conditions": _stamped(conditions, view.is_disrupted, view.message, old, wall),
        **_why(view),
        **_addresses(view, facts),
        "startTime": old.get("startTime") or rfc3339(wall),
        "qosClass": old.get("qosClass") or _qos(pod),
    }
    if inits:
        value["initContainerStatuses"] = list(inits.values())
    if apps:
        value["containerStatuses"] = list(apps.values())
    return value


def refused_status(pod: Object, old: Object, refusal: Refusal, wall: int) -> dict[str, Any]:
    """Of a pod that was not taken."""
    conditions = [
        Condition(READY, False, "PodFailed"),
        Condition(CONTAINERS_READY, False, "PodFailed"),
        Condition(SCHEDULED, True),
    ]
    return {
        **_generation(pod),
        "phase": Phase.FAILED.value,
        "conditions": stamped(conditions, objects(old.get("conditions")), wall),
        "reason": refusal.reason,
        "message": f"Pod was rejected: {refusal.message}",
        "startTime": old.get("startTime") or rfc3339(wall),
        "qosClass": old.get("qosClass") or _qos(pod),
    }


def _shown(phase: Phase, view: PodView) -> str:
    """A terminal phase never changes, and is not told before nothing can run any more.

    k/k pkg/kubelet/status/status_manager.go, mergePodStatus.
    """
    told = text(view.old.get("phase")) or Phase.PENDING.value
    if is_terminal(told) or (is_terminal(phase) and not view.has_ended):
        return told
    return phase.value


def _statuses(view: PodView, kind: Kind, facts: NodeFacts) -> dict[str, dict[str, Any]]:
    field = "initContainerStatuses" if kind is Kind.INIT else "containerStatuses"
    old = {text(one.get("name")): one for one in objects(view.old.get(field))}
    has_inits = bool(containers(view.pod, Kind.INIT))
    default = Waiting("PodInitializing" if has_inits else "ContainerCreating")
    statuses = {}
    for one in view.views:
        if one.kind is not kind:
            continue
        before = old.get(one.name, {})
        value = container_status(one, before, facts.runtime, default)
        if view.has_ended and "terminated" not in value["state"]:
            value = _ended(value, one)
        statuses[one.name] = value
    return statuses


def _ended(value: dict[str, Any], view: ContainerView) -> dict[str, Any]:
    """At the end of its pod, a container that waited to be started again is one that has ended."""
    if "terminated" in value["lastState"]:
        return {**value, "state": value["lastState"], "lastState": {}}
    return lost_status(value) if view.current is not None and view.current.started_ns else value


def _stamped(
    conditions: list[Condition], is_disrupted: bool, message: str, old: Object, wall: int
) -> list[dict[str, Any]]:
    before = list(objects(old.get("conditions")))
    stamps = stamped(conditions, before, wall)
    if is_disrupted:
        why = Condition(DISRUPTION_TARGET, True, "TerminationByKubelet", message)
        stamps.extend(stamped([why], before, wall))
    else:
        stamps.extend(dict(one) for one in before if one.get("type") == DISRUPTION_TARGET)
    return stamps


def _why(view: PodView) -> dict[str, Any]:
    if view.has_ended and view.reason:
        return {"reason": view.reason, "message": view.message}
    return {key: view.old[key] for key in ("reason", "message") if view.old.get(key)}


def _addresses(view: PodView, facts: NodeFacts) -> dict[str, Any]:
    ips = list(view.sandbox.ips) if view.sandbox is not None else []
    if not ips:
        ips = [text(one.get("ip")) for one in objects(view.old.get("podIPs"))]
    value: dict[str, Any] = {}
    if facts.host_ips:
        value["hostIP"] = facts.host_ips[0]
        value["hostIPs"] = [{"ip": ip} for ip in facts.host_ips]
        ips.sort(key=lambda ip: (":" in ip) != (":" in facts.host_ips[0]))
    if ips:
        value["podIP"] = ips[0]
        value["podIPs"] = [{"ip": ip} for ip in ips]
    return value


def _generation(pod: Object) -> dict[str, Any]:
    generation = metadata(pod).get("generation")
    return {"observedGeneration": generation} if isinstance(generation, int) and generation else {}


def _qos(pod: Object) -> str:
    try:
        return qos_class(pod).value
    except QuantityError:  # a static pod; admission refuses it with the quantity's name
        return QosClass.BEST_EFFORT.value
