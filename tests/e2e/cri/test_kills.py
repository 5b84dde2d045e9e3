"""What a kill -9 costs, while ten clients are being answered over the overlay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.testing.node_processes import NodeProcesses, kill
from runtime.api import cri_pb2 as api

from .conftest import Cluster, cluster_of

pytestmark = pytest.mark.e2e
CLIENTS, TOKENS = 10, 40
LONG = 480
"""Tokens of an answer that no kill comes too late for."""
ARGUMENTS = ("--parallel", str(CLIENTS), "--context", "512", "--queue", "64", "--threads", "1")
RUNNING = api.ContainerState.CONTAINER_RUNNING


async def begun(cluster: Cluster, address: str, tokens: int) -> list[asyncio.Task[int]]:
    """All clients, as soon as all of them have been told the beginning of their answers."""
    firsts = [asyncio.Event() for _ in range(CLIENTS)]
    streams = [asyncio.create_task(cluster.stream(address, tokens, first)) for first in firsts]
    for stream, first in zip(streams, firsts, strict=True):
        waiting = asyncio.create_task(first.wait())
        await asyncio.wait([waiting, stream], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            stream.result()  # which says why there is none
    return streams


def test_models_go_on_whatever_dies(node: NodeProcesses) -> None:
    async def main() -> None:
        async with cluster_of(node) as cluster:
            pod = await cluster.run("smol")
            container = await cluster.start(pod, "llm", *ARGUMENTS)
            address = await cluster.address(pod)
            await cluster.until_up(address)
            pid = await cluster.pid(container)

            # llm-containerd: not one stream is interrupted
            streams = await begun(cluster, address, TOKENS)
            kill(node.runtime)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(node.start_runtime)
            assert await asyncio.gather(*streams) == [TOKENS] * CLIENTS
            assert (await cluster.status(container)).state == RUNNING
            assert (await cluster.address(pod), await cluster.pid(container)) == (address, pid)

            # the agent: connections break, and the same address is back at once
            streams = await begun(cluster, address, LONG)
            kill(node.agent)
            await asyncio.to_thread(node.start_agent)
            await cluster.until_up(address)
            ends = await asyncio.gather(*streams, return_exceptions=True)
            assert all(isinstance(end, aiohttp.ClientError | OSError) for end in ends), ends
            assert await cluster.stream(address, 5) == 5
            assert (await cluster.address(pod), await cluster.pid(container)) == (address, pid)

            # all daemons at once
            streams = await begun(cluster, address, LONG)
            kill(node.runtime)
            kill(node.agent)
            await asyncio.to_thread(node.start_agent)
            await asyncio.to_thread(node.start_runtime)
            await cluster.until_up(address)
            for stream in streams:
                stream.cancel()
            await asyncio.wait(streams)
            assert (await cluster.address(pod), await cluster.pid(container)) == (address, pid)
            assert await cluster.stream(address, 5) == 5

            # what ends while nobody looks is known all the same
            second = await cluster.start(pod, "second", "--engine", "nonsense")
            kill(node.runtime)
            await asyncio.sleep(2)
            await asyncio.to_thread(node.start_runtime)
            status = await cluster.status(second)
            while status.state == RUNNING:
                await asyncio.sleep(0.02)
                status = await cluster.status(second)
            assert (status.exit_code, status.reason) == (2, "Error")
            assert "'nonsense'" in (node.folder / "logs/second.log").read_text()
            await cluster.runtime.StopContainer(api.StopContainerRequest(container_id=container, timeout=300))
            status = await cluster.status(container)
            assert (status.exit_code, status.reason) == (0, "Completed")
            assert "stderr F ready\n" in Path(status.log_path).read_text()
            await cluster.remove(pod)

    asyncio.run(main())
    assert not list((node.state_folder / "cri/sandboxes").iterdir())
    assert not list((node.state_folder / "cri/containers").iterdir())
