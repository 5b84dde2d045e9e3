"""CRI's calls, each with its time limit; refusals are `RuntimeRefusal`s."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc

from kubelet.provider.errors import refusal
from kubelet.provider.labels import POD_UID
from kubelet.provider.metrics import RuntimeMetrics, operation_of
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import ImageServiceStub, RuntimeServiceStub

LIMIT_S = 120.0
"""Of a call that is no pull, stop or stream: the kubelet's own `runtimeRequestTimeout`."""
_LONGEST_MESSAGE = 16 << 20
_RECONNECT_MS = 1000  # gRPC would wait up to two minutes for a runtime that starts again


class RuntimeClient:
    """One runtime behind one unix socket."""

    def __init__(self, socket: Path, metrics: RuntimeMetrics | None = None) -> None:
        """Nothing is asked yet; must be made on the loop."""
        options = [
            ("grpc.max_receive_message_length", _LONGEST_MESSAGE),
            ("grpc.max_send_message_length", _LONGEST_MESSAGE),
            ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS // 5),
            ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
            ("grpc.min_reconnect_backoff_ms", _RECONNECT_MS // 5),
            ("grpc.enable_http_proxy", 0),
        ]
        self.socket = socket
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=options)
        self._runtime = RuntimeServiceStub(self._channel)
        self._images = ImageServiceStub(self._channel)
        self._metrics = metrics
        stubs = (self._runtime, self._images)
        self._operations = {call: operation_of(name) for stub in stubs for name, call in vars(stub).items()}

    async def close(self) -> None:
        """End the connection; calls that are under way fail."""
        await self._channel.close()

    # ---- the runtime itself

    async def version(self) -> api.VersionResponse:
        """The runtime's name and version."""
        found: api.VersionResponse = await self._call(self._runtime.Version, api.VersionRequest())
        return found

    async def status(self, *, verbose: bool = False) -> api.StatusResponse:
        """RuntimeReady and NetworkReady."""
        request = api.StatusRequest(verbose=verbose)
        found: api.StatusResponse = await self._call(self._runtime.Status, request)
        return found

    # ---- sandboxes

    async def run_sandbox(self, config: api.PodSandboxConfig, handler: str) -> str:
        """Make a pod; its id."""
        request = api.RunPodSandboxRequest(config=config, runtime_handler=handler)
        return str((await self._call(self._runtime.RunPodSandbox, request, 2 * LIMIT_S)).pod_sandbox_id)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Its containers end, its address is given back."""
        await self._call(self._runtime.StopPodSandbox, api.StopPodSandboxRequest(pod_sandbox_id=sandbox_id))

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Remove a pod with its containers."""
        request = api.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._call(self._runtime.RemovePodSandbox, request)

    async def sandboxes(self, uid: str = "") -> list[api.PodSandbox]:
        """All, or those of one pod."""
        wanted = api.PodSandboxFilter(label_selector=_of(uid))
        answer = await self._call(self._runtime.ListPodSandbox, api.ListPodSandboxRequest(filter=wanted))
        return list(answer.items)

    async def sandbox_status(self, sandbox_id: str) -> api.PodSandboxStatus:
        """One; not found is a refusal."""
        request = api.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        found: api.PodSandboxStatus = (await self._call(self._runtime.PodSandboxStatus, request)).status
        return found

    # ---- containers

    async def create_container(
        self, sandbox_id: str, config: api.ContainerConfig, sandbox: api.PodSandboxConfig
    ) -> str:
        """Make a container that waits for its start; its id."""
        request = api.CreateContainerRequest(pod_sandbox_id=sandbox_id, config=config, sandbox_config=sandbox)
        return str((await self._call(self._runtime.CreateContainer, request)).container_id)

    async def start_container(self, container_id: str) -> None:
        """It runs from now on."""
        request = api.StartContainerRequest(container_id=container_id)
        await self._call(self._runtime.StartContainer, request)

    async def stop_container(self, container_id: str, grace_s: int) -> None:
        """Returns when it has ended."""
        request = api.StopContainerRequest(container_id=container_id, timeout=grace_s)
        await self._call(self._runtime.StopContainer, request, LIMIT_S + grace_s)

    async def remove_container(self, container_id: str) -> None:
        """Its record and its files, not its log."""
        request = api.RemoveContainerRequest(container_id=container_id)
        await self._call(self._runtime.RemoveContainer, request)

    async def containers(self, uid: str = "") -> list[api.Container]:
        """All, or those of one pod."""
        wanted = api.ContainerFilter(label_selector=_of(uid))
        answer = await self._call(self._runtime.ListContainers, api.ListContainersRequest(filter=wanted))
        return list(answer.containers)

    async def container_status(self, container_id: str) -> api.ContainerStatus:
        """One; not found is a refusal."""
        request = api.ContainerStatusRequest(container_id=container_id)
        found: api.ContainerStatus = (await self._call(self._runtime.ContainerStatus, request)).status
        return found

    async def reopen_log(self, container_id: str) -> None:
        """Its log file was moved away."""
        request = api.ReopenContainerLogRequest(container_id=container_id)
        await self._call(self._runtime.ReopenContainerLog, request)

    async def exec_sync(self, container_id: str, command: list[str], timeout_s: int) -> api.ExecSyncResponse:
        """Its output and exit code."""
        request = api.ExecSyncRequest(container_id=container_id, cmd=command, timeout=timeout_s)
        found: api.ExecSyncResponse = await self._call(self._runtime.ExecSync, request, LIMIT_S + timeout_s)
        return found

    async def exec(self, request: api.ExecRequest) -> str:
        """The URL of a stream."""
        return str((await self._call(self._runtime.Exec, request)).url)

    async def attach(self, request: api.AttachRequest) -> str:
        """The URL of a stream."""
        return str((await self._call(self._runtime.Attach, request)).url)

    async def port_forward(self, request: api.PortForwardRequest) -> str:
        """The URL of a stream."""
        return str((await self._call(self._runtime.PortForward, request)).url)

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        """Of all pods, with their containers."""
        answer = await self._call(self._runtime.ListPodSandboxStats, api.ListPodSandboxStatsRequest())
        return list(answer.stats)

    async def container_stats(self) -> list[api.ContainerStats]:
        """What all containers use."""
        answer = await self._call(self._runtime.ListContainerStats, api.ListContainerStatsRequest())
        return list(answer.stats)

    async def events(self) -> AsyncIterator[api.ContainerEventResponse | None]:
        """First a None: from then on nothing is missed. A runtime without events refuses."""
        call = self._runtime.GetContainerEvents(api.GetEventsRequest())
        try:
            await call.initial_metadata()
            yield None
            async for event in call:
                yield event
        except grpc.aio.AioRpcError as error:
            raise refusal(error) from None
        finally:
            call.cancel()

    # ---- images

    async def images(self) -> list[api.Image]:
        """All images."""
        return list((await self._call(self._images.ListImages, api.ListImagesRequest())).images)

    async def image(self, name: str) -> api.Image | None:
        """None: it is not here."""
        request = api.ImageStatusRequest(image=api.ImageSpec(image=name))
        answer = await self._call(self._images.ImageStatus, request)
        return answer.image if answer.HasField("image") and answer.image.id else None

    async def image_facts(self, name: str) -> Mapping[str, str]:
        """What the runtime tells beyond CRI, by its own names."""
        request = api.ImageStatusRequest(image=api.ImageSpec(image=name), verbose=True)
        return dict((await self._call(self._images.ImageStatus, request)).info)

    async def pull_image(self, name: str, auth: api.AuthConfig | None, sandbox: api.PodSandboxConfig) -> str:
        """What it is called by afterwards. Takes as long as it takes."""
        request = api.PullImageRequest(image=api.ImageSpec(image=name), auth=auth, sandbox_config=sandbox)
        return str((await self._call(self._images.PullImage, request, None)).image_ref)

    async def remove_image(self, name: str) -> None:
        """With all of its names."""
        await self._call(self._images.RemoveImage, api.RemoveImageRequest(image=api.ImageSpec(image=name)))

    async def image_filesystems(self) -> list[api.FilesystemUsage]:
        """The disks that images are on."""
        answer = await self._call(self._images.ImageFsInfo, api.ImageFsInfoRequest())
        return list(answer.image_filesystems)

    async def _call(self, method: Any, request: Any, limit_s: float | None = LIMIT_S) -> Any:
        began_s, is_error = time.monotonic(), True
        try:
            answer = await method(request, timeout=limit_s)
            is_error = False
            return answer
        except grpc.aio.AioRpcError as error:
            raise refusal(error) from None
        finally:
            if self._metrics is not None:
                seconds = time.monotonic() - began_s
                self._metrics.on_call(self._operations[method], seconds, is_error=is_error)


def _of(uid: str) -> Mapping[str, str]:
    return {POD_UID: uid} if uid else {}
