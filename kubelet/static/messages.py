"""Static pods in CRI's messages, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from kubelet.static.backoff import NS_PER_S, restart_wait_ns
from kubelet.static.manifest import Container, Pod
from kubelet.static.observed import ObservedContainer, ObservedPod, State
from runtime.api import cri_pb2 as api

SOURCE = "kubernetes.io/config.source"
HASH = "kubernetes.io/config.hash"
FILE_SOURCE = "file"
_MANIFEST = "bronzewillow.io/manifest"
_STEP = "bronzewillow.io/restart-step"
_POLICY, _WAIT_S = "bronzewillow.io/restart-policy", "bronzewillow.io/restart-wait-s"
"""What follows on its end, unless it has run for long: for `bronzewillow status`."""
_GRACE = "io.kubernetes.pod.terminationGracePeriod"
_POD_NAME, _POD_NAMESPACE, _POD_UID = (f"io.kubernetes.pod.{one}" for one in ("name", "namespace", "uid"))
_CONTAINER_NAME = "io.kubernetes.container.name"
_RESTARTS, _PORTS = "io.kubernetes.container.restartCount", "io.kubernetes.container.ports"
_DEFAULT_GRACE_S = 30
_STATES = {
    api.ContainerState.CONTAINER_CREATED: State.CREATED,
    api.ContainerState.CONTAINER_RUNNING: State.RUNNING,
}


def log_folder(logs: Path, namespace: str, name: str, uid: str) -> Path:
    """Of a pod, as kubelets name it."""
    return logs / f"{namespace}_{name}_{uid}"


def sandbox_config(pod: Pod, attempt: int, logs: Path) -> api.PodSandboxConfig:
    """`logs`: the folder with a folder for each pod."""
    return api.PodSandboxConfig(
        metadata=api.PodSandboxMetadata(name=pod.name, namespace=pod.namespace, uid=pod.uid, attempt=attempt),
        labels={**dict(pod.labels), **_pod_labels(pod)},
        annotations={
            **dict(pod.annotations),
            SOURCE: FILE_SOURCE,
            HASH: pod.uid,
            _MANIFEST: pod.file,
            _GRACE: str(pod.grace_s),
        },
        log_directory=str(log_folder(logs, pod.namespace, pod.name, pod.uid)),
    )


def container_config(pod: Pod, container: Container, attempt: int, step: int) -> api.ContainerConfig:
    """What CRI is told of one start of a container."""
    annotations = {
        _RESTARTS: str(attempt),
        _STEP: str(step),
        _POLICY: pod.restart_policy,
        _WAIT_S: str(restart_wait_ns(step + 1) // NS_PER_S),
    }
    if container.ports:
        annotations[_PORTS] = json.dumps(_ports(container))
    config = api.ContainerConfig(
        metadata=api.ContainerMetadata(name=container.name, attempt=attempt),
        image=api.ImageSpec(image=container.image, user_specified_image=container.image),
        command=container.command,
        args=container.args,
        envs=[api.KeyValue(key=name, value=value.encode()) for name, value in container.env],
        mounts=[
            api.Mount(container_path=one.container_path, host_path=one.host_path, readonly=one.is_read_only)
            for one in container.mounts
        ],
        labels={**_pod_labels(pod), _CONTAINER_NAME: container.name},
        annotations=annotations,
        log_path=f"{container.name}/{attempt}.log",
    )
    if container.memory_limit_bytes:
        config.linux.resources.memory_limit_in_bytes = container.memory_limit_bytes
    return config


def is_static(sandbox: api.PodSandbox) -> bool:
    """Whether it came from a file."""
    return sandbox.annotations.get(SOURCE) == FILE_SOURCE


def observed_pod(sandbox: api.PodSandbox, containers: Iterable[api.ContainerStatus]) -> ObservedPod:
    """A sandbox of a list, and the containers in it."""
    return ObservedPod(
        sandbox.id,
        f"{sandbox.metadata.namespace}/{sandbox.metadata.name}",
        sandbox.metadata.uid,
        sandbox.annotations.get(_MANIFEST, ""),
        sandbox.metadata.attempt,
        sandbox.state == api.PodSandboxState.SANDBOX_READY,
        _number(sandbox.annotations, _GRACE, _DEFAULT_GRACE_S),
        tuple(_observed_container(one) for one in containers),
    )


def _observed_container(status: api.ContainerStatus) -> ObservedContainer:
    return ObservedContainer(
        status.id,
        status.metadata.name,
        status.metadata.attempt,
        _number(status.annotations, _STEP, 0),
        _STATES.get(status.state, State.EXITED),
        status.exit_code,
        status.reason,
        status.message,
        status.log_path,
        status.started_at,
        status.finished_at,
    )


def _pod_labels(pod: Pod) -> dict[str, str]:
    return {_POD_NAME: pod.name, _POD_NAMESPACE: pod.namespace, _POD_UID: pod.uid}


def _ports(container: Container) -> list[dict[str, object]]:
    """As a kubelet writes them."""
    named = {number for _, number in container.port_names}
    return [
        *(
            {"name": name, "containerPort": number, "protocol": "TCP"}
            for name, number in container.port_names
        ),
        *({"containerPort": number, "protocol": "TCP"} for number in container.ports if number not in named),
    ]


def _number(annotations: Mapping[str, str], name: str, default: int) -> int:
    found = annotations.get(name, "")
    return int(found) if found.isdecimal() and len(found) < 10 else default
