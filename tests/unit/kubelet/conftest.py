"""A container runtime in memory, behind a real socket; and an agent's door that leads to this machine's own
ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.loopback import Wire, unix_server, unix_socket_path
from kubelet.probes.door import Door
from kubelet.provider.client import RuntimeClient
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import (
    ImageServiceServicer,
    RuntimeServiceServicer,
    add_ImageServiceServicer_to_server,
    add_RuntimeServiceServicer_to_server,
)

Pod = dict[str, Any]


def pod(name: str = "tiny", uid: str = "u1", **spec: Any) -> Pod:
    """One with a container `llm`, unless told otherwise."""
    spec.setdefault("containers", [{"name": "llm", "image": "tiny:v1"}])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": uid},
        "spec": {"nodeName": "mac-1", "restartPolicy": "Always", **spec},
        "status": {"phase": "Pending"},
    }


@dataclass
class CriDouble(RuntimeServiceServicer, ImageServiceServicer):
    """What it is asked to make is there; nothing runs."""

    sandboxes: dict[str, api.PodSandboxStatus] = field(default_factory=dict)
    configs: dict[str, api.PodSandboxConfig] = field(default_factory=dict)
    containers: dict[str, api.ContainerStatus] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    container_configs: dict[str, api.ContainerConfig] = field(default_factory=dict)
    images: dict[str, api.Image] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    pulls: list[tuple[str, api.AuthConfig]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    refusals: dict[str, tuple[grpc.StatusCode, str]] = field(default_factory=dict)
    memory_bytes: int = 0
    """That each container which runs holds."""
    holds: dict[str, asyncio.Event] = field(default_factory=dict)
    """Calls that wait until they are let go."""
    has_events: bool = True
    image_disk: str = "/"
    _listeners: list[asyncio.Queue[api.ContainerEventResponse]] = field(default_factory=list)
    _count: int = 0

    def tell(self, sandbox_id: str, *, is_nameless: bool = False) -> None:
        event = api.ContainerEventResponse(container_id=sandbox_id)
        if not is_nameless and sandbox_id in self.sandboxes:
            event.pod_sandbox_status.CopyFrom(self.sandboxes[sandbox_id])
        for listener in self._listeners:
            listener.put_nowait(event)

    def exit(self, container_id: str, code: int = 1, message: str = "") -> None:
        status = self.containers[container_id]
        status.state = api.ContainerState.CONTAINER_EXITED
        status.exit_code, status.message = code, message
        status.reason = "Error" if code else "Completed"
        status.finished_at = status.started_at + 1_000_000_000
        self.tell(self.owners[container_id])

    async def _begin(self, name: str, context: Any, detail: str = "") -> None:
        self.calls.append(f"{name} {detail}".strip())
        if name in self.holds:
            await self.holds[name].wait()
        if name in self.refusals:
            await context.abort(*self.refusals[name])

    async def Version(self, request: Any, context: Any) -> Any:
        await self._begin("Version", context)
        return api.VersionResponse(
            version="0.1.0", runtime_name="runm", runtime_version="1", runtime_api_version="v1"
        )

    async def Status(self, request: Any, context: Any) -> Any:
        await self._begin("Status", context)
        conditions = [
            api.RuntimeCondition(type=name, status=True) for name in ("RuntimeReady", "NetworkReady")
        ]
        return api.StatusResponse(status=api.RuntimeStatus(conditions=conditions))

    async def RunPodSandbox(self, request: Any, context: Any) -> Any:
        await self._begin("RunPodSandbox", context, request.config.metadata.name)
        self._count += 1
        sandbox_id = f"sandbox{self._count}"
        self.configs[sandbox_id] = request.config
        self.sandboxes[sandbox_id] = api.PodSandboxStatus(
            id=sandbox_id, metadata=request.config.metadata, state=api.PodSandboxState.SANDBOX_READY,
            created_at=self._count * 10**9, labels=request.config.labels,
            network=api.PodSandboxNetworkStatus(ip="127.0.0.1"),
        )  # fmt: skip
        self.tell(sandbox_id)
        return api.RunPodSandboxResponse(pod_sandbox_id=sandbox_id)

    async def StopPodSandbox(self, request: Any, context: Any) -> Any:
        await self._begin("StopPodSandbox", context)
        if request.pod_sandbox_id in self.sandboxes:
            self.sandboxes[request.pod_sandbox_id].state = api.PodSandboxState.SANDBOX_NOTREADY
            self.tell(request.pod_sandbox_id)
        return api.StopPodSandboxResponse()

    async def RemovePodSandbox(self, request: Any, context: Any) -> Any:
        await self._begin("RemovePodSandbox", context)
        self.sandboxes.pop(request.pod_sandbox_id, None)
        self.tell(request.pod_sandbox_id, is_nameless=True)
        return api.RemovePodSandboxResponse()

    async def PodSandboxStatus(self, request: Any, context: Any) -> Any:
        if request.pod_sandbox_id not in self.sandboxes:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such sandbox")
        return api.PodSandboxStatusResponse(status=self.sandboxes[request.pod_sandbox_id])

    async def ListPodSandbox(self, request: Any, context: Any) -> Any:
        if "ListPodSandbox" in self.refusals:
            await context.abort(*self.refusals["ListPodSandbox"])
        wanted = request.filter.label_selector.items()
        items = [
            api.PodSandbox(id=one.id, metadata=one.metadata, state=one.state, labels=one.labels)
            for one in self.sandboxes.values()
            if wanted <= one.labels.items()
        ]
        return api.ListPodSandboxResponse(items=items)

    async def ListPodSandboxStats(self, request: Any, context: Any) -> Any:
        await self._begin("ListPodSandboxStats", context)
        found = []
        for one in self.sandboxes.values():
            stats = api.PodSandboxStats(attributes=api.PodSandboxAttributes(id=one.id, labels=one.labels))
            stats.linux.containers.extend(
                api.ContainerStats(
                    attributes=api.ContainerAttributes(id=each.id, labels=each.labels),
                    memory=api.MemoryUsage(working_set_bytes=api.UInt64Value(value=self.memory_bytes)),
                )
                for each in self.containers.values()
                if self.owners[each.id] == one.id and each.state == api.ContainerState.CONTAINER_RUNNING
            )
            found.append(stats)
        return api.ListPodSandboxStatsResponse(stats=found)

    async def CreateContainer(self, request: Any, context: Any) -> Any:
        await self._begin("CreateContainer", context, request.config.metadata.name)
        self._count += 1
        container_id, config = f"container{self._count}", request.config
        self.container_configs[container_id] = config
        self.owners[container_id] = request.pod_sandbox_id
        self.containers[container_id] = api.ContainerStatus(
            id=container_id, metadata=config.metadata, created_at=self._count * 10**9, image=config.image,
            image_ref=config.image.image, image_id=config.image.image, labels=config.labels,
            annotations=config.annotations,
            log_path=f"{self.configs[request.pod_sandbox_id].log_directory}/{config.log_path}",
        )  # fmt: skip
        self.tell(request.pod_sandbox_id)
        return api.CreateContainerResponse(container_id=container_id)

    async def StartContainer(self, request: Any, context: Any) -> Any:
        await self._begin("StartContainer", context)
        status = self.containers[request.container_id]
        status.state = api.ContainerState.CONTAINER_RUNNING
        status.started_at = status.created_at
        self.tell(self.owners[request.container_id])
        return api.StartContainerResponse()

    async def StopContainer(self, request: Any, context: Any) -> Any:
        await self._begin("StopContainer", context, str(request.timeout))
        status = self.containers.get(request.container_id)
        if status is not None and status.state == api.ContainerState.CONTAINER_RUNNING:
            self.exit(request.container_id, 0)
        return api.StopContainerResponse()

    async def RemoveContainer(self, request: Any, context: Any) -> Any:
        await self._begin("RemoveContainer", context)
        self.containers.pop(request.container_id, None)
        return api.RemoveContainerResponse()

    async def ListContainers(self, request: Any, context: Any) -> Any:
        wanted = request.filter.label_selector.items()
        found = [
            api.Container(
                id=one.id, pod_sandbox_id=self.owners[one.id], metadata=one.metadata, state=one.state,
                labels=one.labels, image_ref=one.image_ref, image_id=one.image_id,
            )
            for one in self.containers.values()
            if wanted <= one.labels.items()
        ]  # fmt: skip
        return api.ListContainersResponse(containers=found)

    async def ContainerStatus(self, request: Any, context: Any) -> Any:
        if request.container_id not in self.containers:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such container")
        return api.ContainerStatusResponse(status=self.containers[request.container_id])

    async def ReopenContainerLog(self, request: Any, context: Any) -> Any:
        await self._begin("ReopenContainerLog", context)
        log = Path(self.containers[request.container_id].log_path)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        return api.ReopenContainerLogResponse()

    async def ExecSync(self, request: Any, context: Any) -> Any:
        await self._begin("ExecSync", context, " ".join(request.cmd))
        return api.ExecSyncResponse(stdout=b"out", stderr=b"err", exit_code=int(request.cmd[0] == "false"))

    async def GetContainerEvents(
        self, request: Any, context: Any
    ) -> AsyncIterator[api.ContainerEventResponse]:
        if not self.has_events:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no events here")
        mine: asyncio.Queue[api.ContainerEventResponse] = asyncio.Queue()
        self._listeners.append(mine)
        await context.send_initial_metadata(())
        while True:
            yield await mine.get()

    async def ListImages(self, request: Any, context: Any) -> Any:
        return api.ListImagesResponse(images=self.images.values())

    async def ImageStatus(self, request: Any, context: Any) -> Any:
        await self._begin("ImageStatus", context)
        name = request.image.image
        found = next((one for one in self.images.values() if name in (one.id, *one.repo_tags)), None)
        return api.ImageStatusResponse(image=found, info=self.facts)

    async def ImageFsInfo(self, request: Any, context: Any) -> Any:
        await self._begin("ImageFsInfo", context)
        usage = api.FilesystemUsage(fs_id=api.FilesystemIdentifier(mountpoint=self.image_disk))
        return api.ImageFsInfoResponse(image_filesystems=[usage])

    async def PullImage(self, request: Any, context: Any) -> Any:
        self.pulls.append((request.image.image, request.auth))
        await self._begin("PullImage", context, request.image.image)
        self.add_image(request.image.image)
        return api.PullImageResponse(image_ref=f"sha256:{request.image.image}")

    async def RemoveImage(self, request: Any, context: Any) -> Any:
        await self._begin("RemoveImage", context, request.image.image)
        self.images.pop(request.image.image, None)
        return api.RemoveImageResponse()

    def add_image(self, name: str, size: int = 100) -> None:
        image_id = f"sha256:{name}"
        self.images[image_id] = api.Image(id=image_id, repo_tags=[name], size=size)


@asynccontextmanager
async def runtime_double(double: CriDouble | None = None) -> AsyncIterator[tuple[CriDouble, RuntimeClient]]:
    """It serves while inside."""
    with TemporaryDirectory(prefix="bw") as folder:
        double, server = double or CriDouble(), grpc.aio.server()
        add_RuntimeServiceServicer_to_server(double, server)
        add_ImageServiceServicer_to_server(double, server)
        server.add_insecure_port(f"unix:{folder}/s")
        await server.start()
        client = RuntimeClient(Path(folder) / "s")
        try:
            yield double, client
        finally:
            await client.close()
            await server.stop(0)


@asynccontextmanager
async def door_double(refusal: str = "") -> AsyncIterator[Door]:
    """Leads to this machine's own ports, whatever the address; with `refusal` to none."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)

    async def lead(wire: Wire) -> None:
        port = int((await wire.head()).start_line.split()[1].rpartition(b":")[2])
        try:
            if refusal:
                raise OSError(refusal)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            words = refusal or "connection refused"
            wire.send(f"HTTP/1.1 502 Bad Gateway\r\nContent-Length: {len(words)}\r\n\r\n{words}".encode())
            return
        wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ways = [spawn(copy(wire.reader, writer), name="in"), spawn(copy(reader, wire.writer), name="out")]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            writer.transport.abort()

    async with unix_socket_path() as path, unix_server(path, lead):
        yield Door(Path(path))
    await asyncio.sleep(0)
