"""Records in CRI's words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from runtime.api import cri_pb2 as api
from runtime.cri.records import Container, Sandbox

_LOST = "Unknown"  # as containerd says it


def sandbox_state(sandbox: Sandbox) -> api.PodSandboxState:
    """READY or NOTREADY."""
    return api.PodSandboxState.SANDBOX_READY if sandbox.is_ready else api.PodSandboxState.SANDBOX_NOTREADY


def sandbox_item(sandbox: Sandbox) -> api.PodSandbox:
    """A sandbox as lists have it."""
    return api.PodSandbox(
        id=sandbox.id,
        metadata=sandbox.config.metadata,
        state=sandbox_state(sandbox),
        created_at=sandbox.created_ns,
        labels=sandbox.config.labels,
        annotations=sandbox.config.annotations,
        runtime_handler=sandbox.handler,
    )


def sandbox_status(sandbox: Sandbox) -> api.PodSandboxStatus:
    """All that a kubelet asks for; an address counts while it is ready."""
    first, *others = sandbox.addresses if sandbox.is_ready and sandbox.addresses else [""]
    found = api.PodSandboxStatus(
        id=sandbox.id,
        metadata=sandbox.config.metadata,
        state=sandbox_state(sandbox),
        created_at=sandbox.created_ns,
        network=api.PodSandboxNetworkStatus(ip=first, additional_ips=[api.PodIP(ip=one) for one in others]),
        labels=sandbox.config.labels,
        annotations=sandbox.config.annotations,
        runtime_handler=sandbox.handler,
    )
    found.linux.namespaces.options.CopyFrom(sandbox.config.linux.security_context.namespace_options)
    return found


def container_item(container: Container) -> api.Container:
    """A container as lists have it."""
    return api.Container(
        id=container.id,
        pod_sandbox_id=container.sandbox_id,
        metadata=container.config.metadata,
        image=container.config.image,
        image_ref=container.image_digest,
        image_id=container.image_digest,
        state=container.state,
        created_at=container.created_ns,
        labels=container.config.labels,
        annotations=container.config.annotations,
    )


def container_status(container: Container) -> api.ContainerStatus:
    """All that a kubelet asks for."""
    ended = container.ended
    image = api.ImageSpec()
    image.CopyFrom(container.config.image)
    image.image = container.image_name
    return api.ContainerStatus(
        id=container.id,
        metadata=container.config.metadata,
        state=container.state,
        created_at=container.created_ns,
        started_at=container.started_ns,
        finished_at=0 if ended is None else ended.at_ns,
        exit_code=0 if ended is None else ended.status,
        image=image,
        image_ref=container.image_digest,
        image_id=container.image_digest,
        reason=_reason(container),
        message=container.message,
        labels=container.config.labels,
        annotations=container.config.annotations,
        mounts=container.config.mounts,
        log_path=container.log_path,
        resources=api.ContainerResources(linux=container.config.linux.resources),
        user=api.ContainerUser(linux=api.LinuxContainerUser(uid=os.getuid(), gid=os.getgid())),
    )


def _reason(container: Container) -> str:
    if container.ended is None:
        return ""
    if container.is_lost:
        return _LOST
    if container.ended.is_oom:
        return "OOMKilled"
    return "Error" if container.ended.status else "Completed"


def has_labels(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Whether all of `selector` are there."""
    return all(labels.get(name) == value for name, value in selector.items())


def select_sandboxes(sandboxes: Iterable[Sandbox], wanted: api.PodSandboxFilter) -> list[Sandbox]:
    """Those that a filter lets through, newest first."""
    found = [
        one
        for one in sandboxes
        if one.id.startswith(wanted.id)
        and (not wanted.HasField("state") or wanted.state.state == sandbox_state(one))
        and has_labels(one.config.labels, wanted.label_selector)
    ]
    return sorted(found, key=lambda one: -one.created_ns)


def select_containers(containers: Iterable[Container], wanted: api.ContainerFilter) -> list[Container]:
    """Those that a filter lets through, newest first."""
    found = [
        one
        for one in containers
        if one.id.startswith(wanted.id)
        and one.sandbox_id.startswith(wanted.pod_sandbox_id)
        and (not wanted.HasField("state") or wanted.state.state == one.state)
        and has_labels(one.config.labels, wanted.label_selector)
    ]
    return sorted(found, key=lambda one: -one.created_ns)
