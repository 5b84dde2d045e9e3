"""From the names in a path to a pod, its sandbox and the instance of a container that is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelet.provider.labels import CONTAINER_NAME
from kubelet.server.errors import RequestError
from kubelet.server.surroundings import Json, Pods, Runtime
from runtime.api import cri_pb2 as api


def find_pod(pods: Pods, namespace: str, name: str, uid: str = "") -> Json:
    """RequestError when it is not here, or is another by the same name."""
    pod = pods.get(namespace, name)
    if pod is None or (uid and uid_of(pod) != uid):
        raise RequestError(404, f'pod "{name}" does not exist')
    return pod


def uid_of(pod: Json) -> str:
    """The UID that the runtime knows it by."""
    return str(pod["metadata"]["uid"])


def has_container(pod: Json, name: str) -> bool:
    """Whether its spec has such a container, of any kind."""
    spec = pod.get("spec") or {}
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return any(one.get("name") == name for kind in kinds for one in spec.get(kind) or [])


def container_state(pod: Json, name: str) -> Mapping[str, Any]:
    """What its status says of a container; empty where it says nothing yet."""
    status = pod.get("status") or {}
    kinds = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    for kind in kinds:
        for one in status.get(kind) or []:
            if one.get("name") == name:
                return dict(one)
    return {}


async def find_container(runtime: Runtime, pod: Json, name: str) -> api.Container:
    """The newest instance that has been started. RequestError in the words that kubectl shows."""
    pod_name = pod["metadata"]["name"]
    if not has_container(pod, name):
        raise RequestError(404, f"container {name} not found in pod {pod_name}")
    for one in _instances(await runtime.containers(uid_of(pod)), name):
        if one.state != api.CONTAINER_CREATED:
            return one
    waiting = container_state(pod, name).get("state", {}).get("waiting") or {}
    reason = waiting.get("reason") or "ContainerCreating"
    raise RequestError(400, f'container "{name}" in pod "{pod_name}" is waiting to start: {reason}')


async def find_previous_container(runtime: Runtime, pod: Json, name: str) -> api.Container:
    """The instance that the pod's status tells of as its last. RequestError."""
    pod_name = pod["metadata"]["name"]
    if not has_container(pod, name):
        raise RequestError(404, f"container {name} not found in pod {pod_name}")
    last = container_state(pod, name).get("lastState", {}).get("terminated") or {}
    wanted = str(last.get("containerID") or "").rpartition("//")[2]
    for one in await runtime.containers(uid_of(pod)):
        if wanted and one.id == wanted:
            return one
    raise RequestError(400, f'previous terminated container "{name}" in pod "{pod_name}" not found')


async def find_running_container(runtime: Runtime, pod: Json, name: str) -> api.Container:
    """The one to run something in. RequestError."""
    found = await find_container(runtime, pod, name)
    if found.state != api.CONTAINER_RUNNING:
        raise RequestError(400, f'container "{name}" in pod "{pod["metadata"]["name"]}" is not running')
    return found


async def find_sandbox(runtime: Runtime, pod: Json) -> str:
    """The id of the sandbox that is ready. RequestError."""
    sandboxes = await runtime.sandboxes(uid_of(pod))
    ready = [one for one in sandboxes if one.state == api.SANDBOX_READY]
    if not ready:
        raise RequestError(400, f'pod "{pod["metadata"]["name"]}" has no address: it is not running')
    return max(ready, key=lambda one: one.created_at).id


def _instances(containers: Sequence[api.Container], name: str) -> list[api.Container]:
    mine = [one for one in containers if one.labels.get(CONTAINER_NAME) == name]
    return sorted(mine, key=lambda one: (one.metadata.attempt, one.created_at), reverse=True)
