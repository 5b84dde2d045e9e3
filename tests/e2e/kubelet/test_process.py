"""`llm-kubelet run` as a process, which joins, is killed, and finds its pods as they were."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from bronzewillow.host.children import send_signal
from bronzewillow.host.paths import door_socket
from bronzewillow.kube.resources import NODES, PODS, Object
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, joinable
from bronzewillow.testing.node_processes import NodeProcesses
from bronzewillow.testing.ports import free_tcp_port
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.home import Home
from kubelet.membership.join import ByToken, join

from .conftest import PROBES, STORY_S, first, is_ready, pod, until

pytestmark = pytest.mark.e2e
MOST_BYTES = 120 << 20


@asynccontextmanager
async def kubelet(node: NodeProcesses, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Killed at the end."""
    door = door_socket(node.runtime_folder / "agent.sock")
    with (node.folder / "kubelet.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kubelet", "run", "--home", str(home), "--cri", str(node.cri),
            "--door", str(door), "--port", str(free_tcp_port()), "--node-ip", "127.0.0.1",
            stderr=log, env=node.environment,
        )  # fmt: skip
    try:
        yield process
    finally:
        send_signal(process, signal.SIGKILL)
        await process.wait()


def test_a_killed_kubelet_finds_its_pods_as_they_were(processes: NodeProcesses) -> None:
    async def pods(cluster: Joinable) -> dict[str, Object]:
        return {one["metadata"]["name"]: one for one in (await cluster.admin.list(PODS))["items"]}

    async def main() -> None:
        async with asyncio.timeout(STORY_S), joinable() as cluster:
            home = processes.folder / "home"
            how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), ())
            await join(how, NODE, Home(home), SystemClock(), lambda line: None)
            async with kubelet(processes, home) as process:

                async def is_node_ready() -> bool:
                    found = cluster.server.store.get(NODES, "", NODE)
                    return found is not None and is_ready(found)

                await until(is_node_ready)
                for number in range(3):
                    await cluster.admin.create(PODS, pod(f"p{number}", container=PROBES))

                async def are_ready() -> bool:
                    return all(map(is_ready, (await pods(cluster)).values()))

                await until(are_ready)
                before = {name: first(one)["containerID"] for name, one in (await pods(cluster)).items()}
                assert psutil.Process(process.pid).memory_info().rss < MOST_BYTES
            await cluster.admin.delete(PODS, "p2", "default")  # while nobody is there
            async with kubelet(processes, home):

                async def is_gone() -> bool:
                    return "p2" not in await pods(cluster)

                await until(is_gone)
                after = {name: first(one) for name, one in (await pods(cluster)).items()}
                assert {name: one["containerID"] for name, one in after.items()} == {
                    name: before[name] for name in ("p0", "p1")
                }
                assert {one["restartCount"] for one in after.values()} == {0}
                for name in ("p0", "p1"):
                    await cluster.admin.delete(PODS, name, "default")

                async def are_gone() -> bool:
                    return not await pods(cluster)

                await until(are_gone)
            assert cluster.refused() == []

    asyncio.run(main())
