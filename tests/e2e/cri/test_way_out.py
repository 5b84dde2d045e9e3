"""A pod's way out, from CNI ADD to what runs in the pod: its environment leads to the outlet."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.node_processes import NodeProcesses, kill
from runtime.api import cri_pb2 as api

from .conftest import Cluster, cluster_of

pytestmark = pytest.mark.e2e


async def said(cluster: Cluster, container: str, script: str) -> str:
    """What a shell beside a container says."""
    request = api.ExecSyncRequest(container_id=container, cmd=["sh", "-c", script], timeout=300)
    answer = await cluster.runtime.ExecSync(request)
    assert answer.exit_code == 0, answer.stderr
    return str(answer.stdout.decode())


def test_a_pod_reaches_another_by_the_proxy_in_its_environment(node: NodeProcesses) -> None:
    node.extra = ("--allow-exec", "sh")
    kill(node.runtime)
    node.start_runtime()

    async def main() -> None:
        async with cluster_of(node) as cluster:
            pods = [await cluster.run(name) for name in ("asks", "serves")]
            small = ("--context", "256", "--parallel", "1")
            containers = [await cluster.start(pod, "llm", *small) for pod in pods]
            address = await cluster.address(pods[1])
            await cluster.until_up(address)
            found = dict(
                line.split("=", 1) for line in (await said(cluster, containers[0], "env")).splitlines()
            )
            assert found["HTTP_PROXY"] == found["https_proxy"]
            assert found["HTTP_PROXY"].startswith(f"http://{pods[0][:12]}:")
            assert found["NO_PROXY"] == "localhost,127.0.0.1,::1"
            # curl knows nothing but its environment, and the pod's address nobody but the agent
            url = f"http://{address}:8080/health"
            assert "ok" in await said(cluster, containers[0], f"curl -sSf -m 120 {url}")
            assert "ok" not in await said(cluster, containers[0], f"curl --noproxy '*' -s -m 1 {url} || true")
            # a restart of the agent keeps the outlet where containers know it to be
            kill(node.agent)
            await asyncio.to_thread(node.start_agent)
            await cluster.until_up(address)
            assert "ok" in await said(cluster, containers[0], f"curl -sSf -m 120 {url}")
            for pod in pods:
                await cluster.remove(pod)

    asyncio.run(main())
