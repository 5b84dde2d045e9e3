"""A node in full on loopback: an API server, the agent, llm-containerd, and the part of llm-kubelet that
makes pods be."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bronzewillow.host.paths import door_socket
from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import NotFound
from bronzewillow.kube.resources import CONFIG_MAPS, EVENTS, NODES, PODS, SECRETS, Object
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.gguf import emit_gguf, random_tensor
from bronzewillow.testing.node_processes import NodeProcesses, node_processes
from kubelet.model.thresholds import EvictionSettings
from kubelet.node.health import HealthWatch
from kubelet.pods.shell import PodShell, ShellConfig
from kubelet.pods.surroundings import now
from kubelet.provider.client import RuntimeClient

NODE = "mac-1"
HOST_IP = "192.0.2.7"
STORY_S = 300.0
"""Of one test. It is for what hangs, as is `_PATIENCE_S`: a machine may be slow."""
_PATIENCE_S = 90.0
"""Of one wait. The node's own pauses, between looks and before another try, are of 10 s."""
_LOOK_S = 0.02
READINESS = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 10}
PROBES: Object = {"readinessProbe": READINESS}
"""Of a container, which is ready within a second, and stays so where answers take long."""


def pod(name: str = "tiny", *, args: tuple[str, ...] = (), **spec: Any) -> Object:
    """One that serves by the engine that needs no model."""
    container = {
        "name": "llm",
        "image": "tiny",
        "imagePullPolicy": "IfNotPresent",
        "args": ["--engine", "echo", *args],
        "ports": [{"containerPort": 8080, "name": "http"}],
    }
    container |= spec.pop("container", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": NODE, "terminationGracePeriodSeconds": 5, "containers": [container], **spec},
    }


@dataclass
class Cluster:
    """An API server with this node, and an administrator."""

    server: ApiServer
    admin: KubeClient
    processes: NodeProcesses
    config: ShellConfig
    node: Object
    history: dict[str, list[Object]] = field(default_factory=dict)

    @asynccontextmanager
    async def shell(self) -> AsyncIterator[PodShell]:
        """As long as one kubelet lives; it ends as if it were killed: nothing is told, nothing is touched."""
        access = self.server.certified(f"system:node:{NODE}", "system:nodes")
        async with KubeClient(access) as client:
            health = HealthWatch(EvictionSettings(), self.config.root, now, lambda *_: {})
            shell = PodShell(self.config, client, lambda: self.node, lambda *_: None, health)
            task = spawn(shell.run(), name="kubelet")
            try:
                yield shell
                assert not task.done(), task.exception()
            finally:
                task.cancel()
                await asyncio.wait([task])

    async def get(self, name: str) -> Object | None:
        """A pod."""
        try:
            return await self.admin.get(PODS, name, "default")
        except NotFound:
            return None

    async def until(self, name: str, holds: Callable[[Object], bool]) -> Object:
        """A pod of which that is true."""
        found: Object | None = None
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while True:
                    found = await self.get(name)
                    if found is not None and holds(found):
                        return found
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise AssertionError(f"{name} stays {found}\n{self.told()}") from None

    async def until_gone(self, name: str) -> None:
        """Its object is no more."""
        await until(lambda: self._is_gone(name))

    def told(self) -> list[str]:
        """Reasons and messages of events."""
        return [f"{one['reason']}: {one['message']}" for one in self.server.store.list(EVENTS)]

    async def until_told(self, *beginnings: str) -> None:
        """There are events with these beginnings. An event comes when it does: nobody waits for it."""

        async def are_told() -> bool:
            return all(any(one.startswith(each) for one in self.told()) for each in beginnings)

        try:
            await until(are_told)
        except TimeoutError:
            raise AssertionError(f"{beginnings} are not all in {self.told()}") from None

    async def make_secret(self, name: str, data: dict[str, str]) -> None:
        """Of text."""
        metadata = {"name": name, "namespace": "default"}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        await self.admin.create(
            SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
        )

    async def make_config_map(self, name: str, data: dict[str, str]) -> None:
        """Of text."""
        metadata = {"name": name, "namespace": "default"}
        await self.admin.create(
            CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        )

    async def until_nothing_runs(self) -> None:
        """The runtime has no sandbox any more."""
        runtime = RuntimeClient(self.config.cri)

        async def is_empty() -> bool:
            return not await runtime.sandboxes()

        await until(is_empty)
        await runtime.close()

    async def _is_gone(self, name: str) -> bool:
        return await self.get(name) is None

    async def stop(self, container: str) -> None:
        """In the runtime, without grace."""
        runtime = RuntimeClient(self.config.cri)
        await runtime.stop_container(container.removeprefix("runm://"), 0)
        await runtime.close()

    async def runs(self, container: str) -> bool:
        """In the runtime."""
        runtime = RuntimeClient(self.config.cri)
        found = await runtime.containers()
        await runtime.close()
        return container.removeprefix("runm://") in [one.id for one in found]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """What other processes do is looked at again and again."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            if await holds():
                return
            await asyncio.sleep(_LOOK_S)


def is_ready(found: Object) -> bool:
    """The condition."""
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in found["status"].get("conditions", ())
    )


def first(found: Object) -> Object:
    """The status of the first container."""
    statuses = found["status"].get("containerStatuses") or [{}]
    return dict(statuses[0])


@pytest.fixture(scope="module")
def processes() -> Iterator[NodeProcesses]:
    """With the image `tiny`."""
    with _node_with_image() as node:
        node.start_agent()
        node.start_runtime()
        yield node


@pytest.fixture(scope="module")
def dual_stack() -> Iterator[NodeProcesses]:
    """The same, with an underlay for each family."""
    with _node_with_image() as node:
        node.start_agent(dual_stack=True)
        node.start_runtime()
        yield node


@contextmanager
def _node_with_image() -> Iterator[NodeProcesses]:
    with node_processes() as node:
        model = node.folder / "tiny.gguf"
        tensors = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}
        model.write_bytes(emit_gguf({"general.architecture": "llama"}, tensors))
        node.run("runtime.runm", "create", "tiny", "--model", str(model))
        yield node


@asynccontextmanager
async def cluster(
    processes: NodeProcesses, addresses: tuple[str, ...] = (HOST_IP,)
) -> AsyncIterator[Cluster]:
    """With a Node, of which nothing but its object is there yet."""
    async with api_server() as server, KubeClient(server.admin()) as admin:
        node = await admin.create(
            NODES,
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": NODE},
                "status": {
                    "addresses": [{"type": "InternalIP", "address": one} for one in addresses],
                    "allocatable": {"pods": "110"},
                },
            },
        )
        config = ShellConfig(
            NODE,
            processes.folder / f"kubelet-{server.port}",
            processes.cri,
            door_socket(processes.runtime_folder / "agent.sock"),
            static_pods=processes.folder / "manifests",
            host_paths=(processes.folder,),
        )
        yield Cluster(server, admin, processes, config, node)
