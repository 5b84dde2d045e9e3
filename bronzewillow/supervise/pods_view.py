"""The pods of a node as its runtime and its models tell of them: plain values, ready for JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grpc

from bronzewillow.host.parsing import parse_json
from bronzewillow.supervise.container_restarts import restarts_in_s
from bronzewillow.supervise.model_metrics import ask_metrics
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub

Json = dict[str, Any]
_LIMIT_S = 30.0  # as the agent is waited for: a busy machine is no machine without a runtime
_ID_DIGITS = 12  # of a pod's id, in the name of the folder of its sockets: docs/cni.md
_PORTS = "io.kubernetes.container.ports"
_DEFAULT_PORT = 8080
_RUNNING = api.ContainerState.CONTAINER_RUNNING


async def pods_view(cri: Path, sockets: Path) -> list[Json] | None:
    """By name; None when no runtime answers. `sockets`: the folder with a folder of sockets for each pod."""
    try:
        async with grpc.aio.insecure_channel(f"unix:{cri}") as channel:
            return await _view(RuntimeServiceStub(channel), sockets)
    except grpc.aio.AioRpcError:
        return None


async def port_names(cri: Path, pod: str) -> dict[str, int] | None:
    """Of the ports of a pod, `namespace/name`; None when no runtime answers."""
    try:
        async with grpc.aio.insecure_channel(f"unix:{cri}") as channel:
            runtime = RuntimeServiceStub(channel)
            sandboxes, containers = await asyncio.gather(
                runtime.ListPodSandbox(api.ListPodSandboxRequest(), timeout=_LIMIT_S),
                runtime.ListContainers(api.ListContainersRequest(), timeout=_LIMIT_S),
            )
    except grpc.aio.AioRpcError:
        return None
    mine = {one.id for one in sandboxes.items if f"{one.metadata.namespace}/{one.metadata.name}" == pod}
    found: dict[str, int] = {}
    for one in newest_attempts(containers.containers):
        if one.pod_sandbox_id in mine:
            found |= names_of(one.annotations.get(_PORTS, ""))
    return found


async def _view(runtime: RuntimeServiceStub, sockets: Path) -> list[Json]:
    pods, containers, stats = await asyncio.gather(
        runtime.ListPodSandbox(api.ListPodSandboxRequest(), timeout=_LIMIT_S),
        runtime.ListContainers(api.ListContainersRequest(), timeout=_LIMIT_S),
        runtime.ListContainerStats(api.ListContainerStatsRequest(), timeout=_LIMIT_S),
    )
    memory = {one.attributes.id: one.memory.working_set_bytes.value for one in stats.stats}
    newest = newest_attempts(containers.containers)
    views = await asyncio.gather(*(_pod(runtime, one, newest, memory, sockets) for one in pods.items))
    return sorted((view for view in views if view is not None), key=lambda view: str(view["name"]))


async def _pod(
    runtime: RuntimeServiceStub,
    pod: api.PodSandbox,
    containers: Iterable[api.Container],
    memory: Mapping[str, int],
    sockets: Path,
) -> Json | None:
    try:
        request = api.PodSandboxStatusRequest(pod_sandbox_id=pod.id, verbose=True)
        found = await runtime.PodSandboxStatus(request, timeout=_LIMIT_S)
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:  # removed meanwhile
            return None
        raise
    statuses = {one.id: one for one in found.containers_statuses}
    mine = [one for one in containers if one.id in statuses]
    folder = sockets / pod.id[:_ID_DIGITS]
    return {
        "name": f"{pod.metadata.namespace}/{pod.metadata.name}",
        "id": pod.id,
        "address": found.status.network.ip,
        "ready": pod.state == api.PodSandboxState.SANDBOX_READY,
        "waiting": found.info.get("waiting", ""),
        "containers": await asyncio.gather(
            *(_container(statuses[one.id], memory.get(one.id, 0), folder) for one in mine)
        ),
    }


async def _container(status: api.ContainerStatus, memory_bytes: int, folder: Path) -> Json:
    ports = ports_of(status.annotations.get(_PORTS, ""))
    path = folder / f"{ports[0]}.sock"
    metrics = await ask_metrics(path) if status.state == _RUNNING else None
    return {
        "name": status.metadata.name,
        "id": status.id,
        "model": status.image.user_specified_image or status.image.image,
        "state": _state(status, is_serving=metrics is not None),
        "message": status.message,
        "restarts_in_s": _restarts_in_s(status),
        "restarts": status.metadata.attempt,
        "memory_bytes": memory_bytes,
        "tokens_per_s": metrics.tokens_per_s if metrics else None,
        "requests_running": metrics.requests_running if metrics else None,
        "requests_waiting": metrics.requests_waiting if metrics else None,
        "ports": ports,
        "socket": str(path),
        "log": status.log_path,
    }


def newest_attempts(containers: Iterable[api.Container]) -> list[api.Container]:
    """Of each container of each pod, by name: those before it have ended."""
    found: dict[tuple[str, str], api.Container] = {}
    for one in containers:
        key = (one.pod_sandbox_id, one.metadata.name)
        if key not in found or found[key].metadata.attempt < one.metadata.attempt:
            found[key] = one
    return [found[key] for key in sorted(found)]


def ports_of(annotation: str) -> list[int]:
    """On which a container serves, by the annotation that a kubelet writes."""
    try:
        ports = sorted({int(one["containerPort"]) for one in parse_json(annotation or "[]")})
    except (ValueError, TypeError, KeyError):
        ports = []
    return ports or [_DEFAULT_PORT]


def names_of(annotation: str) -> dict[str, int]:
    """The ports of a container that have names."""
    try:
        found = [(one.get("name"), int(one["containerPort"])) for one in parse_json(annotation or "[]")]
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {name: port for name, port in found if name and isinstance(name, str)}


def _restarts_in_s(status: api.ContainerStatus) -> float | None:
    if status.state != api.ContainerState.CONTAINER_EXITED:
        return None
    return restarts_in_s(
        status.annotations, status.exit_code, status.started_at, status.finished_at, time.time_ns()
    )


def _state(status: api.ContainerStatus, *, is_serving: bool) -> str:
    match status.state:
        case api.ContainerState.CONTAINER_RUNNING:
            return "serving" if is_serving else "loading"
        case api.ContainerState.CONTAINER_CREATED:
            return "created"
        case api.ContainerState.CONTAINER_EXITED:
            return f"ended ({status.exit_code}, {status.reason})"
    return "unknown"
