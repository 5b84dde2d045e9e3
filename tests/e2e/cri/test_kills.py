"""What a kill -9 costs, while ten clients are being answered over the overlay."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.testing.node_processes import NodeProcesses, kill
from runtime.api import cri_pb2 as api

from .conftest import Cluster, cluster_of

pytestmark = pytest.mark.e2e
CLIENTS, TOKENS = 10, 40
BACK_WITHIN_S = 60.0
"""A second or two where nothing else is at work; `benchmarks.churn` says how long."""
RUNNING = api.ContainerState.CONTAINER_RUNNING


async def until_up(cluster: Cluster, address: str, limit_s: float) -> float:
    """How long it took."""
    begin = time.monotonic()
    while not await cluster.is_up(address):
        assert time.monotonic() - begin < limit_s, f"{address} is not up after {limit_s} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - begin


async def begun(cluster: Cluster, address: str) -> list[asyncio.Task[int]]:
    """All clients, as soon as all of them are being answered."""
    streams = [asyncio.create_task(cluster.stream(address, TOKENS)) for _ in range(CLIENTS)]
    while True:
        async with cluster.session.get(f"http://{address}:8080/metrics") as answer:
            text = await answer.text()
        if f"vllm:num_requests_running {CLIENTS}.0" in text:
            return streams
        await asyncio.sleep(0.02)


def test_models_go_on_whatever_dies(node: NodeProcesses) -> None:
    async def main() -> None:
        async with cluster_of(node) as cluster:
            pod = await cluster.run("smol")
            arguments = ("--parallel", str(CLIENTS), "--context", "256", "--queue", "64", "--threads", "2")
            container = await cluster.start(pod, "llm", *arguments)
            address = await cluster.address(pod)
            await until_up(cluster, address, 60)
            pid = await cluster.pid(container)

            # llm-containerd: not one stream is interrupted
            streams = await begun(cluster, address)
            kill(node.runtime)
            await asyncio.sleep(0.5)
            node.start_runtime()
            assert await asyncio.gather(*streams) == [TOKENS] * CLIENTS
            assert (await cluster.status(container)).state == RUNNING
            assert (await cluster.address(pod), await cluster.pid(container)) == (address, pid)

            # the agent: connections break, and the same address is back at once
            streams = await begun(cluster, address)
            kill(node.agent)
            await asyncio.to_thread(node.start_agent)
            await until_up(cluster, address, BACK_WITHIN_S)
            ends = await asyncio.gather(*streams, return_exceptions=True)
            assert all(isinstance(end, aiohttp.ClientError | OSError) for end in ends), ends
            assert await cluster.stream(address, 5) == 5
            assert (await cluster.address(pod), await cluster.pid(container)) == (address, pid)

            # all daemons at once
            streams = await begun(cluster, address)
            kill(node.runtime)
            kill(node.agent)
            await asyncio.to_thread(node.start_agent)
            await asyncio.to_thread(node.start_runtime)
            await until_up(cluster, address, BACK_WITHIN_S)
            await asyncio.gather(*streams, return_exceptions=True)
            assert (await cluster.address(pod), await cluster.pid(container)) == (address, pid)
            assert await cluster.stream(address, 5) == 5

            # what ends while nobody looks is known all the same
            second = await cluster.start(pod, "second", "--engine", "nonsense")
            kill(node.runtime)
            await asyncio.sleep(2)
            node.start_runtime()
            status = await cluster.status(second)
            while status.state == RUNNING:
                status = await cluster.status(second)
            assert (status.exit_code, status.reason) == (2, "Error")
            assert "'nonsense'" in (node.folder / "logs/second.log").read_text()
            await cluster.runtime.StopContainer(api.StopContainerRequest(container_id=container, timeout=20))
            status = await cluster.status(container)
            assert (status.exit_code, status.reason) == (0, "Completed")
            assert "stderr F ready\n" in Path(status.log_path).read_text()
            await cluster.remove(pod)

    asyncio.run(main())
    assert not list((node.state_folder / "cri/sandboxes").iterdir())
    assert not list((node.state_folder / "cri/containers").iterdir())
