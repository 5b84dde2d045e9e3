"""A node of processes with a real model, and the cluster's side of its overlay in this process."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network

import aiohttp
import grpc
import pytest

from bronzewillow.agent.client import PodConnector
from bronzewillow.agent.net import Net
from bronzewillow.overlay.spec import OverlaySpec, Peer, Prefix
from bronzewillow.testing.node_processes import (
    CLUSTER_CIDR,
    CLUSTER_MAC,
    NODE_CIDR,
    NODE_MAC,
    VNI,
    NodeProcesses,
    node_processes,
)
from bronzewillow.wire.encap import Encap
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub
from runtime.models.smollm2 import FILE_NAME, default_folder

UP_S = 300.0
"""For a model to answer: a second or two where nothing else is at work, as `benchmarks.churn` shows."""
_ONE_ANSWER_S = 10.0
"""A question to an agent that dies meanwhile is put to the next one."""
_SILENCE_S = 30.0
"""A dead peer says nothing; one that lives says something every 15 seconds."""
_LOOPBACK = socket.inet_aton("127.0.0.1")


class Cluster:
    """A kubelet's calls on one side, a pod's requests on the other."""

    def __init__(self, node: NodeProcesses, stub: RuntimeServiceStub, session: aiohttp.ClientSession) -> None:
        self.node, self.runtime, self.session = node, stub, session

    async def run(self, name: str) -> str:
        """A pod's id."""
        config = api.PodSandboxConfig(
            metadata=api.PodSandboxMetadata(name=name, uid=name, namespace="default"),
            log_directory=str(self.node.folder / "logs"),
        )
        return str((await self.runtime.RunPodSandbox(api.RunPodSandboxRequest(config=config))).pod_sandbox_id)

    async def start(self, pod: str, name: str, *args: str) -> str:
        """A container's id; it serves, soon."""
        config = api.ContainerConfig(
            metadata=api.ContainerMetadata(name=name), image=api.ImageSpec(image="smol"), args=args,
            log_path=f"{name}.log",
        )  # fmt: skip
        request = api.CreateContainerRequest(pod_sandbox_id=pod, config=config)
        container = str((await self.runtime.CreateContainer(request)).container_id)
        await self.runtime.StartContainer(api.StartContainerRequest(container_id=container))
        return container

    async def address(self, pod: str) -> str:
        request = api.PodSandboxStatusRequest(pod_sandbox_id=pod)
        found = await self.runtime.PodSandboxStatus(request, wait_for_ready=True)
        return str(found.status.network.ip)

    async def status(self, container: str) -> api.ContainerStatus:
        request = api.ContainerStatusRequest(container_id=container)
        found = await self.runtime.ContainerStatus(request, wait_for_ready=True)
        assert isinstance(found, api.ContainerStatusResponse)
        return found.status

    async def pid(self, container: str) -> int:
        request = api.ContainerStatusRequest(container_id=container, verbose=True)
        found = await self.runtime.ContainerStatus(request)
        return int(json.loads(found.info["info"])["pid"])

    async def remove(self, pod: str) -> None:
        await self.runtime.RemovePodSandbox(api.RemovePodSandboxRequest(pod_sandbox_id=pod))

    async def is_up(self, address: str) -> bool:
        try:
            async with self.session.get(
                f"http://{address}:8080/health", timeout=aiohttp.ClientTimeout(_ONE_ANSWER_S)
            ) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def until_up(self, address: str) -> None:
        """Until a model answers there."""
        begin = time.monotonic()
        while not await self.is_up(address):
            assert time.monotonic() - begin < UP_S, f"{address} is not up after {UP_S} s"
            await asyncio.sleep(0.02)

    async def stream(self, address: str, tokens: int, begun: asyncio.Event | None = None) -> int:
        """The tokens of one whole answer; the first sets `begun`. aiohttp.ClientError when it breaks off."""
        body = {
            "model": "smol", "prompt": "Once upon a time", "max_tokens": tokens, "stream": True,
            "ignore_eos": True,
        }  # fmt: skip
        events = 0
        async with self.session.post(f"http://{address}:8080/v1/completions", json=body) as answer:
            assert answer.status == 200, await answer.text()
            is_done = False
            async for line in answer.content:
                is_done = is_done or line == b"data: [DONE]\n"
                events += line.startswith(b"data: {") and b'"finish_reason":null' in line.replace(b" ", b"")
                if events and begun is not None:
                    begun.set()
        if not is_done:
            raise aiohttp.ClientPayloadError("the stream has no end")
        return events


@asynccontextmanager
async def cluster_of(node: NodeProcesses) -> AsyncIterator[Cluster]:
    """While inside, the overlay's other node is there."""
    peer = Peer("node", _LOOPBACK, node.port, bytes.fromhex(NODE_MAC.replace(":", "")), (_prefix(NODE_CIDR),))
    mac = bytes.fromhex(CLUSTER_MAC.replace(":", ""))
    spec = OverlaySpec(
        Encap.VXLAN, _LOOPBACK, node.cluster_port, VNI, (_prefix(CLUSTER_CIDR),), mac, 1450, (peer,)
    )
    net = Net(spec)
    try:
        async with (
            grpc.aio.insecure_channel(f"unix:{node.cri}") as channel,
            aiohttp.ClientSession(
                connector=PodConnector(net, limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=UP_S, sock_read=_SILENCE_S),
            ) as session,
        ):
            yield Cluster(node, RuntimeServiceStub(channel), session)
    finally:
        net.close()


@pytest.fixture
def node() -> Iterator[NodeProcesses]:
    """With the image `smol` of a real model."""
    path = default_folder() / FILE_NAME
    if not path.is_file():
        pytest.skip("no model: run python -m runtime.models.smollm2")
    with node_processes() as node:
        node.run("runtime.runm", "create", "smol", "--model", str(path))
        node.start_agent()
        node.start_runtime()
        yield node


def _prefix(text: str) -> Prefix:
    network = IPv4Network(text)
    return network.network_address.packed, network.prefixlen
