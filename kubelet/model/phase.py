"""The phase of a pod, from the statuses of its containers. k/k pkg/kubelet/kubelet_pods.go, getPhase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from kubelet.model.pod_spec import (
    Kind,
    Object,
    RestartPolicy,
    containers,
    is_sidecar,
    mapping,
    restart_policy,
)


class Phase(StrEnum):
    """The API's phases of a pod."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


def phase_of(pod: Object, statuses: Mapping[str, Object], *, has_ended: bool) -> Phase:
    """`statuses`: ContainerStatus by name, of all kinds. `has_ended`: nothing will be started any more."""
    policy = restart_policy(pod)
    apps = [_situation(statuses.get(str(one["name"]))) for one in containers(pod)]
    count = Counter(apps)
    has_app_started = any(_has_run(statuses.get(str(one["name"]))) for one in containers(pod))
    is_initializing = False
    for init in containers(pod, Kind.INIT):
        situation = _situation(statuses.get(str(init["name"])))
        if is_sidecar(init):
            # What has ended of a sidecar does not count.
            if situation in ("running", "waiting", "unknown"):
                count[situation] += 1
            is_initializing = is_initializing or situation in ("waiting", "unknown")
        elif situation == "failed" and policy is RestartPolicy.NEVER:
            return Phase.FAILED
        elif situation in ("running", "waiting", "unknown"):
            is_initializing = True
    stopped = count["succeeded"] + count["failed"]
    if (is_initializing and not has_app_started) or count["waiting"]:
        return Phase.PENDING
    if count["running"] and not count["unknown"]:
        return Phase.RUNNING
    if stopped and not count["unknown"]:
        return _stopped(policy, count["failed"] == 0, has_ended)
    return Phase.PENDING


def _stopped(policy: RestartPolicy, have_all_succeeded: bool, has_ended: bool) -> Phase:
    end = Phase.SUCCEEDED if have_all_succeeded else Phase.FAILED
    if has_ended or policy is RestartPolicy.NEVER:
        return end
    if policy is RestartPolicy.ON_FAILURE and have_all_succeeded:
        return end
    return Phase.RUNNING


def _situation(status: Object | None) -> str:
    if status is None:
        return "unknown"
    state = mapping(status.get("state"))
    if "running" in state:
        return "running"
    ended = state.get("terminated") or mapping(status.get("lastState")).get("terminated")
    if isinstance(ended, Mapping):
        return "failed" if ended.get("exitCode") else "succeeded"
    return "waiting" if "waiting" in state else "unknown"


def _has_run(status: Object | None) -> bool:
    return status is not None and _situation(status) in ("running", "failed", "succeeded")
