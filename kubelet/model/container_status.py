"""ContainerStatus, from what the runtime says and why a container is waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubelet.model.observed import ContainerState, ObservedContainer
from kubelet.model.pod_spec import Kind, Object, integer, is_sidecar, mapping, objects, text
from kubelet.model.times import of_ns

UNKNOWN_REASON = "ContainerStatusUnknown"
_LOST_CODE = 137
_LOST_MESSAGE = "The container could not be located when the pod was terminated"
_LOST = {"exitCode": _LOST_CODE, "reason": UNKNOWN_REASON, "message": _LOST_MESSAGE}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The API's ContainerStateWaiting."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerView:
    """All that a container's status is made of."""

    spec: Object
    kind: Kind
    current: ObservedContainer | None
    """The newest instance."""
    last: ObservedContainer | None
    """The newest one that has ended and is not `current`."""
    waiting: Waiting | None
    """Why it is not started, or not started again."""
    is_started: bool
    """No startup probe, or it has passed; counts while it runs."""
    is_ready: bool
    """No readiness probe, or it has passed; counts while it runs."""

    @property
    def name(self) -> str:
        """The container's name in the pod's spec."""
        return str(self.spec["name"])


def container_status(view: ContainerView, old: Object, runtime: str, default: Waiting) -> dict[str, Any]:
    """`old`: what was told before, empty if nothing; `default`: why a container waits that never ran."""
    current = view.current
    if current is None:
        return _without_instance(view, old, default)
    is_running = current.is_running
    is_ready = is_running and view.is_started and view.is_ready
    if view.kind is Kind.INIT and not is_sidecar(view.spec):
        is_ready = _has_succeeded(current)
    state, last_state = _states(view, current, old, runtime, default)
    return {
        **_identity(view, current.image, current.image_ref),
        "containerID": f"{runtime}://{current.id}",
        "ready": is_ready,
        "started": is_running and view.is_started,
        "restartCount": max(current.attempt, integer(old.get("restartCount"))),
        "state": state,
        "lastState": last_state,
        **_volume_mounts(view.spec),
    }


def lost_status(old: Object) -> dict[str, Any]:
    """Of a container that has run, and of which nothing is known at the end of its pod."""
    return {**old, "ready": False, "started": False, "state": {"terminated": dict(_LOST)}}


def _without_instance(view: ContainerView, old: Object, default: Waiting) -> dict[str, Any]:
    state = mapping(old.get("state"))
    if "terminated" in state and view.waiting is None:
        return dict(old)
    last_state = dict(mapping(old.get("lastState")))
    count = integer(old.get("restartCount"))
    if "running" in state:
        last_state = {"terminated": dict(_LOST)}
        count += 1
    elif "terminated" in state:
        last_state = dict(state)
    status = {
        **_identity(view, text(old.get("image")), text(old.get("imageID"))),
        "ready": False,
        "started": False,
        "restartCount": count,
        "state": _waiting(view.waiting or default),
        "lastState": last_state,
        **_volume_mounts(view.spec),
    }
    return status | ({"containerID": old["containerID"]} if "containerID" in old else {})


def _states(
    view: ContainerView, current: ObservedContainer, old: Object, runtime: str, default: Waiting
) -> tuple[dict[str, Any], dict[str, Any]]:
    before = _terminated(view.last, runtime) if view.last else dict(mapping(old.get("lastState")))
    if current.is_running:
        started = of_ns(current.started_ns)
        return {"running": {"startedAt": started} if started else {}}, before
    if not current.is_ended:
        return _waiting(view.waiting or default), before
    ended = _terminated(current, runtime)
    if view.waiting is not None:
        return _waiting(view.waiting), ended
    return ended, before


def _terminated(one: ObservedContainer, runtime: str) -> dict[str, Any]:
    if one.state is ContainerState.UNKNOWN:
        code, reason, message = _LOST_CODE, UNKNOWN_REASON, one.message or _LOST_MESSAGE
    else:
        code, message = one.exit_code, one.message
        reason = one.reason or ("Error" if code else "Completed")
    state: dict[str, Any] = {"exitCode": code, "reason": reason, "containerID": f"{runtime}://{one.id}"}
    if message:
        state["message"] = message
    for key, time in (("startedAt", of_ns(one.started_ns)), ("finishedAt", of_ns(one.finished_ns))):
        if time is not None:
            state[key] = time
    return {"terminated": state}


def _has_succeeded(one: ObservedContainer) -> bool:
    return one.state is ContainerState.EXITED and one.exit_code == 0


def _waiting(why: Waiting) -> dict[str, Any]:
    return {"waiting": {"reason": why.reason} | ({"message": why.message} if why.message else {})}


def _identity(view: ContainerView, image: str, image_ref: str) -> dict[str, Any]:
    return {"name": view.name, "image": image or text(view.spec.get("image")), "imageID": image_ref}


def _volume_mounts(container: Object) -> dict[str, Any]:
    mounts = []
    for mount in objects(container.get("volumeMounts")):
        one = {"name": mount.get("name"), "mountPath": mount.get("mountPath")}
        if mount.get("readOnly") is True:
            one |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
        mounts.append(one)
    return {"volumeMounts": mounts} if mounts else {}
