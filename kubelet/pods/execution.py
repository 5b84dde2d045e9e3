"""Actions of pods' machines, carried out: one call each, to CRI, the API server or the pod's network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc

from bronzewillow.kube.errors import Conflict, KubeError, NotFound
from kubelet.model.actions import (
    Action,
    CreateContainer,
    CreateSandbox,
    DeletePodObject,
    InspectImage,
    Probe,
    PullImage,
    RemoveContainer,
    RemoveSandbox,
    RunHook,
    SetUpVolumes,
    StartContainer,
    StopContainer,
    StopSandbox,
    TearDownVolumes,
)
from kubelet.model.environment import ConfigError
from kubelet.model.observed import ObservedPod
from kubelet.model.outcomes import Done, Failed, ImageFound, Made, Outcome
from kubelet.model.pod_spec import Object, all_containers, mapping, name, namespace, spec, text, uid
from kubelet.model.quantity import QuantityError
from kubelet.pods.image_puller import ImagePuller
from kubelet.probes.attempt import attempt, run_hook
from kubelet.probes.door import Door
from kubelet.provider.client import RuntimeClient
from kubelet.provider.container_config import Resolved, container_config
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.logs import LogFolders, log_name, remove_log
from kubelet.provider.sandbox_config import sandbox_config
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.pod_volumes import PodVolumes
from runtime.api import cri_pb2 as api

_LONGEST_OUTPUT = 10 << 10
_HOOK_LIMIT_S = 120.0


Resolve = Callable[[Object, Object, ObservedPod | None], Awaitable[Resolved]]
"""Of a pod, a container and what is seen of the pod, what the container is told.
ConfigError, KubeError, VolumeError."""


class Flusher(Protocol):
    """The part of `StatusWriter` that is needed."""

    async def flush(self, pod_uid: str) -> None:
        """The newest status is written. KubeError."""


class Deleter(Protocol):
    """Deletes the API object of a pod."""

    async def delete_pod(self, pod: Object) -> None:
        """Grace 0, and only the one of that UID. KubeError."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Carries out the model's actions on one node."""

    runtime: RuntimeClient
    volumes: PodVolumes
    puller: ImagePuller
    door: Door
    logs: LogFolders
    statuses: Flusher
    deleter: Deleter
    resolve: Resolve
    is_network_away: Callable[[], str]
    """Why no sandbox can be made now; empty when one can."""

    async def execute(self, pod: Object, action: Action, observed: ObservedPod | None) -> Outcome:
        """Never raises for what the runtime, the API server or a pod does."""
        try:
            return await self._dispatch(pod, action, observed)
        except (RuntimeRefusal, KubeError, VolumeError, QuantityError, OSError) as error:
            return Failed(str(error))

    async def _dispatch(self, pod: Object, action: Action, observed: ObservedPod | None) -> Outcome:
        match action:
            case Probe():  # first, as most are
                container = container_of(pod, action.container)
                return await attempt(self.door, self._exec, action, address_of(observed), container)
            case SetUpVolumes():
                await self.volumes.set_up(pod)
            case TearDownVolumes():
                await self.volumes.tear_down(uid(pod))
            case CreateSandbox():
                return await self._create_sandbox(pod, action)
            case StopSandbox():
                await self.runtime.stop_sandbox(action.sandbox_id)
            case RemoveSandbox():
                await self.runtime.remove_sandbox(action.sandbox_id)
            case InspectImage():
                return await self._inspect(action)
            case PullImage():
                return await self.puller.pull(pod, action)
            case CreateContainer():
                return await self._create(pod, action, observed)
            case StartContainer():
                return await self._start(pod, action)
            case StopContainer():
                await self.runtime.stop_container(action.container_id, action.grace_s)
            case RemoveContainer():
                await self._remove(pod, action, observed)
            case RunHook():
                return await self._run_hook(pod, action, observed)
            case DeletePodObject():
                await self._delete(pod)
            case _:
                return Failed(f"{type(action).__name__} is not known")
        return Done()

    async def _create_sandbox(self, pod: Object, action: CreateSandbox) -> Outcome:
        if words := self.is_network_away():
            return Failed(words)
        folder = self._log_folder(pod)
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        handler = text(spec(pod).get("runtimeClassName"))
        return Made(await self.runtime.run_sandbox(sandbox_config(pod, action.attempt, folder), handler))

    async def _inspect(self, action: InspectImage) -> Outcome:
        try:
            found = await self.runtime.image(action.image)
        except RuntimeRefusal as refused:
            is_name = refused.code is grpc.StatusCode.INVALID_ARGUMENT
            return Failed(str(refused), "InvalidImageName" if is_name else "ImageInspectError")
        return ImageFound(found.id if found is not None else "")

    async def _create(self, pod: Object, action: CreateContainer, observed: ObservedPod | None) -> Outcome:
        container = container_of(pod, action.container)
        try:
            resolved = await self.resolve(pod, container, observed)
        except (ConfigError, KubeError, VolumeError) as error:
            return Failed(str(error), "CreateContainerConfigError")
        config = container_config(
            pod,
            container,
            resolved,
            attempt=action.attempt,
            image=action.image,
            image_ref=action.image_ref,
            spec_hash=action.spec_hash,
        )
        attempts = (
            [one.attempt for one in observed.sandboxes if one.id == action.sandbox_id] if observed else []
        )
        sandbox = sandbox_config(pod, max(attempts, default=0), self._log_folder(pod))
        try:
            return Made(await self.runtime.create_container(action.sandbox_id, config, sandbox))
        except RuntimeRefusal as refused:
            return Failed(str(refused), "CreateContainerError")

    async def _start(self, pod: Object, action: StartContainer) -> Outcome:
        try:
            await self.runtime.start_container(action.container_id)
        except RuntimeRefusal as refused:
            return Failed(str(refused), "RunContainerError")
        status = await self.runtime.container_status(action.container_id)
        if status.log_path:
            link = self.logs.link_of(namespace(pod), name(pod), action.container, action.container_id)
            self.logs.link(link, Path(status.log_path))
        return Done()

    async def _remove(self, pod: Object, action: RemoveContainer, observed: ObservedPod | None) -> None:
        await self.runtime.remove_container(action.container_id)
        for one in observed.containers if observed is not None else ():
            if one.id == action.container_id:
                log = self._log_folder(pod) / log_name(one.name, one.attempt)
                await asyncio.to_thread(remove_log, log)
        self.logs.link_of(namespace(pod), name(pod), action.container, action.container_id).unlink(
            missing_ok=True
        )

    async def _run_hook(self, pod: Object, action: RunHook, observed: ObservedPod | None) -> Outcome:
        limit_s = action.timeout_s or _HOOK_LIMIT_S
        try:
            async with asyncio.timeout(limit_s):
                container = container_of(pod, action.container)
                return await run_hook(self.door, self._exec, action, address_of(observed), container)
        except TimeoutError:
            return Failed(f"the hook has not ended within {limit_s:g} s")

    async def _delete(self, pod: Object) -> None:
        await self.statuses.flush(uid(pod))
        try:
            await self.deleter.delete_pod(pod)
        except (NotFound, Conflict):
            return  # it is gone, or another one has its name

    async def _exec(self, container_id: str, command: Sequence[str], timeout_s: int) -> tuple[int, str]:
        answer: api.ExecSyncResponse = await self.runtime.exec_sync(container_id, list(command), timeout_s)
        output = (answer.stdout + answer.stderr)[:_LONGEST_OUTPUT]
        return answer.exit_code, output.decode(errors="replace")

    def _log_folder(self, pod: Object) -> Path:
        return self.logs.of_pod(namespace(pod), name(pod), uid(pod))


def container_of(pod: Object, wanted: str) -> Object:
    """Empty when the pod has none of that name."""
    found: Mapping[str, Object] = {text(one.get("name")): one for one in all_containers(pod)}
    return mapping(found.get(wanted))


def address_of(observed: ObservedPod | None) -> str:
    """The pod's first one; empty for none."""
    sandbox = observed.newest_sandbox if observed is not None else None
    return sandbox.ips[0] if sandbox is not None and sandbox.ips else ""
