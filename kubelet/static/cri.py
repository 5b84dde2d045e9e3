"""The container runtime, as static pods need it: a few calls over its socket."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

import grpc

from bronzewillow.host.paths import make_private
from kubelet.static.decide import StartContainer
from kubelet.static.manifest import Pod
from kubelet.static.messages import (
    container_config,
    is_static,
    log_folder,
    observed_pod,
    sandbox_config,
)
from kubelet.static.observed import ObservedContainer, ObservedPod, State
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import ImageServiceStub, RuntimeServiceStub

_LIMIT_S = 120.0  # as long as a kubelet waits for a call
_PULL_LIMIT_S = 6 * 3600.0
_LONGEST_MESSAGE = 16 << 20
_OPTIONS = [
    ("grpc.max_receive_message_length", _LONGEST_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


class Cri:
    """Of one runtime. All calls raise `grpc.aio.AioRpcError`."""

    def __init__(self, socket: Path, logs: Path) -> None:
        """`logs`: the folder with a folder of logs for each pod."""
        self._logs = logs
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=_OPTIONS)
        self._runtime, self._images = RuntimeServiceStub(self._channel), ImageServiceStub(self._channel)

    async def __aenter__(self) -> Cri:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def observe(self, *, only_static: bool = True) -> list[ObservedPod]:
        """All pods, with all of their containers."""
        listed = await self._runtime.ListPodSandbox(api.ListPodSandboxRequest(), timeout=_LIMIT_S)
        sandboxes = [one for one in listed.items if is_static(one) or not only_static]
        of = defaultdict(list)
        containers = await self._runtime.ListContainers(api.ListContainersRequest(), timeout=_LIMIT_S)
        for one in containers.containers:
            of[one.pod_sandbox_id].append(one.id)
        return [
            observed_pod(one, [status for id in of[one.id] if (status := await self._status(id)) is not None])
            for one in sandboxes
        ]

    async def events(self) -> AsyncIterator[None]:
        """One for each thing that happens to a container, until the connection ends."""
        stream = self._runtime.GetContainerEvents(api.GetEventsRequest())
        async for _ in stream:
            yield None

    async def run_pod(self, pod: Pod, attempt: int) -> None:
        """Make a sandbox."""
        config = sandbox_config(pod, attempt, self._logs)
        make_private(Path(config.log_directory))
        await self._runtime.RunPodSandbox(api.RunPodSandboxRequest(config=config), timeout=_LIMIT_S)

    async def start(self, action: StartContainer) -> float:
        """Bring one to serve; the seconds that its image took to come, 0 when it was here."""
        pulled_s = 0.0
        container_id = action.created_id
        if not container_id:
            pod = sandbox_config(action.pod, action.sandbox.attempt, self._logs)
            pulled_s = await self._need_image(action.container.image, action.container.pull_policy, pod)
            request = api.CreateContainerRequest(
                pod_sandbox_id=action.sandbox.sandbox_id,
                config=container_config(action.pod, action.container, action.attempt, action.step),
                sandbox_config=pod,
            )
            created = await self._runtime.CreateContainer(request, timeout=_LIMIT_S)
            container_id = created.container_id
        start = api.StartContainerRequest(container_id=container_id)
        await self._runtime.StartContainer(start, timeout=_LIMIT_S)
        return pulled_s

    async def remove_container(self, container: ObservedContainer) -> None:
        """One that has ended, with its log; again is no error."""
        request = api.RemoveContainerRequest(container_id=container.id)
        await self._runtime.RemoveContainer(request, timeout=_LIMIT_S)
        if Path(container.log_path).is_relative_to(self._logs):
            with contextlib.suppress(OSError):
                Path(container.log_path).unlink()

    async def end(self, pod: ObservedPod) -> None:
        """Its containers in order, then the rest of it; again is no error."""
        running = [one for one in pod.containers if one.state is State.RUNNING]
        await asyncio.gather(*(self._stop(one.id, pod.grace_s) for one in running))
        request = api.StopPodSandboxRequest(pod_sandbox_id=pod.sandbox_id)
        await self._runtime.StopPodSandbox(request, timeout=_LIMIT_S)
        removal = api.RemovePodSandboxRequest(pod_sandbox_id=pod.sandbox_id)
        await self._runtime.RemovePodSandbox(removal, timeout=_LIMIT_S)
        namespace, _, name = pod.full_name.partition("/")
        logs = log_folder(self._logs, namespace, name, pod.uid)
        if logs.parent == self._logs:  # names of pods that are not ours may lead anywhere
            shutil.rmtree(logs, ignore_errors=True)

    async def _stop(self, container_id: str, grace_s: int) -> None:
        request = api.StopContainerRequest(container_id=container_id, timeout=grace_s)
        await self._runtime.StopContainer(request, timeout=grace_s + _LIMIT_S)

    async def _status(self, container_id: str) -> api.ContainerStatus | None:
        """None for one that has been removed meanwhile."""
        request = api.ContainerStatusRequest(container_id=container_id)
        try:
            answer = await self._runtime.ContainerStatus(request, timeout=_LIMIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None
            raise
        assert isinstance(answer, api.ContainerStatusResponse)
        return answer.status

    async def _need_image(self, name: str, policy: str, pod: api.PodSandboxConfig) -> float:
        image = api.ImageSpec(image=name)
        found = await self._images.ImageStatus(api.ImageStatusRequest(image=image), timeout=_LIMIT_S)
        if policy == "Never" or (policy == "IfNotPresent" and found.HasField("image")):
            return 0.0
        begun = time.monotonic()
        request = api.PullImageRequest(image=image, sandbox_config=pod)
        await self._images.PullImage(request, timeout=_PULL_LIMIT_S)
        return time.monotonic() - begun
