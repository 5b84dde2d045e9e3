"""What the runtime says about one pod, as the model takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.labels import HASH
from runtime.api import cri_pb2 as api

_STATES = {
    api.ContainerState.CONTAINER_CREATED: ContainerState.CREATED,
    api.ContainerState.CONTAINER_RUNNING: ContainerState.RUNNING,
    api.ContainerState.CONTAINER_EXITED: ContainerState.EXITED,
}

MessageOf = Callable[[api.ContainerStatus], str]
"""The termination message of a container that has ended."""


def runtime_message(status: api.ContainerStatus) -> str:
    """What the runtime itself says of the end."""
    return str(status.message)


async def observe(
    client: RuntimeClient, uid: str, now: int, message_of: MessageOf = runtime_message
) -> ObservedPod:
    """One pod. `now`: an Instant before this call. RuntimeRefusal."""
    sandboxes, containers = await asyncio.gather(client.sandboxes(uid), client.containers(uid))
    found = await asyncio.gather(
        *(_or_none(client.sandbox_status, one.id) for one in sandboxes),
        *(_or_none(client.container_status, one.id) for one in containers),
        return_exceptions=True,
    )
    for one in found:
        if isinstance(one, BaseException):
            raise one
    owners = {one.id: one.pod_sandbox_id for one in containers}
    return ObservedPod(
        now,
        tuple(observed_sandbox(one) for one in found if isinstance(one, api.PodSandboxStatus)),
        tuple(
            observed_container(one, owners[one.id], message_of)
            for one in found
            if isinstance(one, api.ContainerStatus)
        ),
    )


def observed_sandbox(status: api.PodSandboxStatus) -> ObservedSandbox:
    """CRI's status of a pod in the model's terms."""
    is_ready = status.state == api.PodSandboxState.SANDBOX_READY
    ips = (status.network.ip, *(one.ip for one in status.network.additional_ips))
    return ObservedSandbox(
        id=status.id,
        attempt=status.metadata.attempt,
        is_ready=is_ready,
        created_ns=status.created_at,
        ips=tuple(ip for ip in ips if ip) if is_ready else (),
    )


def observed_container(
    status: api.ContainerStatus, sandbox_id: str, message_of: MessageOf = runtime_message
) -> ObservedContainer:
    """CRI's status of a container in the model's terms."""
    state = _STATES.get(status.state, ContainerState.UNKNOWN)
    return ObservedContainer(
        id=status.id,
        name=status.metadata.name,
        attempt=status.metadata.attempt,
        state=state,
        sandbox_id=sandbox_id,
        created_ns=status.created_at,
        started_ns=status.started_at,
        finished_ns=status.finished_at,
        exit_code=status.exit_code,
        reason=status.reason,
        message=message_of(status) if state is ContainerState.EXITED else "",
        image=status.image.user_specified_image or status.image.image,
        image_ref=status.image_ref,
        spec_hash=status.annotations.get(HASH, ""),
    )


async def _or_none(status_of: Callable[[str], Awaitable[object]], id: str) -> object:
    """A thing that went between the list and the question is not there."""
    try:
        return await status_of(id)
    except RuntimeRefusal as refused:
        if refused.is_not_found:
            return None
        raise
