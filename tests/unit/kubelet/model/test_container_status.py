"""ContainerStatus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.container_status import ContainerView, Waiting, container_status, lost_status
from kubelet.model.observed import ContainerState, ObservedContainer
from kubelet.model.pod_spec import Kind

S = 10**9
RUNNING = ObservedContainer(
    "9f", "llm", 0, ContainerState.RUNNING, "s", S, started_ns=2 * S, image="m:1", image_ref="m@sha256:1"
)
EXITED = replace(
    RUNNING, state=ContainerState.EXITED, finished_ns=3 * S, exit_code=1, reason="Error", message="no model"
)
DEFAULT = Waiting("ContainerCreating")


def view(**fields: Any) -> ContainerView:
    defaults: dict[str, Any] = {
        "spec": {"name": "llm", "image": "m:1"},
        "kind": Kind.APP,
        "current": None,
        "last": None,
        "waiting": None,
        "is_started": True,
        "is_ready": True,
    }
    return ContainerView(**(defaults | fields))


def test_it_runs() -> None:
    mounts = [{"name": "v", "mountPath": "/v", "readOnly": True}, {"name": "w", "mountPath": "/w"}]
    spec = {"name": "llm", "image": "m:1", "volumeMounts": mounts}
    assert container_status(view(spec=spec, current=RUNNING), {}, "runm", DEFAULT) == {
        "name": "llm",
        "image": "m:1",
        "imageID": "m@sha256:1",
        "containerID": "runm://9f",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": "1970-01-01T00:00:02Z"}},
        "lastState": {},
        "volumeMounts": [
            {"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": "Disabled"},
            {"name": "w", "mountPath": "/w"},
        ],
    }


def test_it_was_never_there() -> None:
    assert container_status(view(), {}, "runm", DEFAULT) == {
        "name": "llm",
        "image": "m:1",
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": "ContainerCreating"}},
        "lastState": {},
    }


def test_it_has_ended_and_then_waits() -> None:
    ended = container_status(view(current=EXITED), {}, "runm", DEFAULT)
    assert ended["state"] == {
        "terminated": {
            "exitCode": 1,
            "reason": "Error",
            "message": "no model",
            "containerID": "runm://9f",
            "startedAt": "1970-01-01T00:00:02Z",
            "finishedAt": "1970-01-01T00:00:03Z",
        }
    }
    waiting = Waiting("CrashLoopBackOff", "back-off 10s")
    waits = container_status(view(current=EXITED, waiting=waiting), ended, "runm", DEFAULT)
    assert waits["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert waits["lastState"] == ended["state"]
    again = replace(RUNNING, id="a0", attempt=1)
    runs = container_status(view(current=again, last=EXITED), waits, "runm", DEFAULT)
    assert (runs["lastState"], runs["restartCount"]) == (ended["state"], 1)
    assert container_status(view(current=again), runs, "runm", DEFAULT)["lastState"] == ended["state"]


def test_readiness() -> None:
    for fields in ({"is_ready": False}, {"is_started": False}):
        status = container_status(view(current=RUNNING, **fields), {}, "runm", DEFAULT)
        assert (status["ready"], status["started"]) == (False, fields.get("is_started", True))


def test_an_init_container_is_ready_when_it_has_succeeded() -> None:
    running = container_status(view(kind=Kind.INIT, current=RUNNING), {}, "runm", DEFAULT)
    done = container_status(view(kind=Kind.INIT, current=replace(EXITED, exit_code=0)), {}, "runm", DEFAULT)
    failed = container_status(view(kind=Kind.INIT, current=EXITED), {}, "runm", DEFAULT)
    assert (running["ready"], done["ready"], failed["ready"]) == (False, True, False)


def test_it_is_lost() -> None:
    told = container_status(view(current=RUNNING), {}, "runm", DEFAULT)
    lost = container_status(view(), told, "runm", DEFAULT)
    assert lost["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert lost["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert (lost["restartCount"], lost["containerID"]) == (1, "runm://9f")
    unknown = replace(RUNNING, state=ContainerState.UNKNOWN)
    ended = container_status(view(current=unknown), told, "runm", DEFAULT)["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")
    assert lost_status(told)["state"]["terminated"]["exitCode"] == 137


def test_what_has_ended_and_is_removed_stays_told() -> None:
    told = container_status(view(current=EXITED), {}, "runm", DEFAULT)
    assert container_status(view(), told, "runm", DEFAULT) == told
