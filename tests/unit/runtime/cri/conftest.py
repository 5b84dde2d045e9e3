from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.gguf import emit_gguf, random_tensor
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import ImageServiceStub, RuntimeServiceStub
from runtime.cri.exec_sync import Allowed
from runtime.cri.node import Node
from runtime.cri.server import ServerConfig, running
from runtime.images.modelfile import parse_modelfile
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore
from runtime.imagestore.build import build
from runtime.registry.client import ClientConfig

PLUGIN = """#!/bin/sh
# Addresses by the number of ADDs; what it was asked goes to a file.
cat > /dev/null
echo "$CNI_COMMAND $CNI_CONTAINERID" >> "$0.log"
if [ -e "$0.down" ]; then echo '{"code": 11, "msg": "the agent does not answer"}'; exit 1; fi
if [ "$CNI_COMMAND" = CHECK ] && grep -qs "$CNI_CONTAINERID" "$0.unknown"; then echo '{"code": 3}'; exit 1; fi
[ "$CNI_COMMAND" = ADD ] || exit 0
n=$(grep -c ADD "$0.log")
echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.244.7.'$((n + 1))'/24"}]}'
"""
TENSORS = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}


class Rig:
    """A node, and a client of it over its socket."""

    def __init__(self, folder: Path, config: ServerConfig) -> None:
        self.folder, self.config = folder, config
        self.node: Node
        self.runtime: RuntimeServiceStub
        self.images: ImageServiceStub
        self._count = 0

    @property
    def plugin(self) -> Path:
        """The CNI plugin. Beside it: `.down` lets it fail, `.unknown` has ids it forgot, `.log` its calls."""
        return self.folder / "cni" / "fake-net"

    @property
    def plugin_calls(self) -> list[str]:
        """Without GC and CHECK, which every start asks for."""
        lines = (self.folder / "cni" / "fake-net.log").read_text().splitlines()
        return [line for line in lines if not line.startswith(("GC", "CHECK"))]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Rig]:
        """As long as one llm-containerd lives."""
        async with (
            running(self.config) as self.node,
            grpc.aio.insecure_channel(f"unix:{self.config.socket}") as channel,
        ):
            self.runtime, self.images = RuntimeServiceStub(channel), ImageServiceStub(channel)
            yield self

    def pod_config(self, name: str = "", **more: object) -> api.PodSandboxConfig:
        self._count += 1
        metadata = api.PodSandboxMetadata(
            name=name or f"pod{self._count}", uid=str(self._count), namespace="n"
        )
        return api.PodSandboxConfig(metadata=metadata, log_directory=str(self.folder / "logs"), **more)  # type: ignore[arg-type]

    async def run(self, config: api.PodSandboxConfig | None = None) -> str:
        """A pod's id."""
        request = api.RunPodSandboxRequest(config=config or self.pod_config())
        return str((await self.runtime.RunPodSandbox(request)).pod_sandbox_id)

    async def create(self, pod: str, config: api.ContainerConfig | None = None, **more: object) -> str:
        """A container's id; with the engine that needs no model, unless it is told otherwise."""
        config = config or api.ContainerConfig(args=["--engine", "echo"])
        config.MergeFrom(api.ContainerConfig(**more))  # type: ignore[arg-type]
        if not config.metadata.name:
            config.metadata.name = "main"
        config.image.image = config.image.image or "tiny"
        config.log_path = config.log_path or f"{config.metadata.name}.log"
        request = api.CreateContainerRequest(pod_sandbox_id=pod, config=config)
        return str((await self.runtime.CreateContainer(request)).container_id)

    async def start(self, container: str) -> None:
        await self.runtime.StartContainer(api.StartContainerRequest(container_id=container))

    async def status(self, container: str) -> api.ContainerStatus:
        found = await self.runtime.ContainerStatus(api.ContainerStatusRequest(container_id=container))
        assert isinstance(found, api.ContainerStatusResponse)
        return found.status

    async def pod_status(self, pod: str) -> api.PodSandboxStatus:
        found = await self.runtime.PodSandboxStatus(api.PodSandboxStatusRequest(pod_sandbox_id=pod))
        assert isinstance(found, api.PodSandboxStatusResponse)
        return found.status

    async def stop(self, container: str, timeout: int = 0) -> None:
        request = api.StopContainerRequest(container_id=container, timeout=timeout)
        await self.runtime.StopContainer(request)

    async def remove_pod(self, pod: str) -> None:
        await self.runtime.RemovePodSandbox(api.RemovePodSandboxRequest(pod_sandbox_id=pod))

    async def clear(self) -> None:
        """Remove all pods."""
        for one in (await self.runtime.ListPodSandbox(api.ListPodSandboxRequest())).items:
            await self.remove_pod(one.id)

    async def serves(self, pod: str, port: int = 8080) -> None:
        """Until its socket answers."""
        path = self.config.sockets / pod[:12] / f"{port}.sock"
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_unix_connection(str(path))
                except OSError:
                    await asyncio.sleep(0)
                    continue
                writer.close()
                await writer.wait_closed()
                return

    async def refused(self, call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        assert "\n" not in (raised.value.details() or "")
        return raised.value.code(), raised.value.details() or ""


InRig = Callable[[Callable[[Rig], Awaitable[None]]], None]


def make_image(store: ImageStore, folder: Path, *names: str) -> str:
    """An image of a tiny file, with all of `names`; its digest."""
    (folder / "tiny.gguf").write_bytes(emit_gguf({"general.architecture": "llama"}, TENSORS))
    modelfile = parse_modelfile("FROM ./tiny.gguf")

    def no_base(text: str):  # type: ignore[no-untyped-def]
        raise AssertionError(text)

    descriptor = build(store, modelfile, folder, no_base)
    for name in names:
        store.name(parse_reference(name), descriptor)
    return descriptor.digest


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> object:
    """A node that is not served yet."""
    with TemporaryDirectory(prefix="bw") as name:
        folder = Path(name)
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        monkeypatch.setenv("CNI_PATH", f"{name}/cni")
        (folder / "cni").mkdir()
        (folder / "cni" / "fake-net").write_text(PLUGIN)
        (folder / "cni" / "fake-net").chmod(0o755)
        (folder / "net.d").mkdir()
        network = '{"cniVersion": "1.1.0", "name": "pods", "plugins": [{"type": "fake-net"}]}'
        (folder / "net.d" / "10-pods.conflist").write_text(network)
        make_image(ImageStore(folder / "store"), folder, "tiny", "registry.invalid/team/tiny:v1")
        yield Rig(
            folder,
            ServerConfig(
                folder / "run" / "cri.sock", folder / "root", folder / "store", folder / "net.d",
                folder / "p", ClientConfig(docker_config=folder / "none", tries=1),
                Allowed(frozenset({"/bin/echo", "sh"})),
            ),
        )  # fmt: skip


@pytest.fixture
def in_rig(rig: Rig) -> InRig:
    """Runs a test on a node that is served, and clears it."""

    def entered(main: Callable[[Rig], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with rig.serving():
                try:
                    await main(rig)
                finally:
                    await rig.clear()

        run(whole())

    return entered
