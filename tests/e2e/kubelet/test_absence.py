"""What is away comes back, and nothing that runs has noticed: the kubelet, the API server, the runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bronzewillow.kube.resources import PODS
from bronzewillow.testing.node_processes import NodeProcesses, kill
from kubelet.pods.surroundings import now

from .conftest import PROBES, STORY_S, Cluster, cluster, first, is_ready, pod, until

pytestmark = pytest.mark.e2e


def running(processes: NodeProcesses, story: Callable[[Cluster], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(STORY_S), cluster(processes) as found:
            await story(found)

    asyncio.run(main())


def test_a_kubelet_that_is_killed_changes_nothing(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            for name in ("stays", "goes", "vanishes"):
                await found.admin.create(PODS, pod(name, container=PROBES))
            before = {
                name: first(await found.until(name, is_ready)) for name in ("stays", "goes", "vanishes")
            }
        writes = len(found.server.audit)
        await found.admin.delete(PODS, "goes", "default")
        await found.admin.delete(PODS, "vanishes", "default", grace_period_s=0)
        await found.until_gone("vanishes")
        async with found.shell():
            await found.until_gone("goes")
            after = await found.until("stays", is_ready)
            assert first(after)["containerID"] == before["stays"]["containerID"]
            assert first(after)["restartCount"] == 0
            assert await found.runs(before["stays"]["containerID"])
            patches = [entry for entry in found.server.audit[writes:] if "/pods/stays/status" in entry[2]]
            assert patches == []  # there was nothing to say
            await found.admin.delete(PODS, "stays", "default")
            await found.until_gone("stays")
            await found.until_nothing_runs()  # nor what of "vanishes" was left

    running(processes, story)


def test_pods_go_on_without_an_api_server(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell() as shell:
            await found.admin.create(PODS, pod(container=PROBES))
            before = await found.until("tiny", is_ready)
            await found.server.stop()
            container = first(before)["containerID"].removeprefix("runm://")
            await shell.runtime.stop_container(container, 0)  # it ends, and nobody can be told
            uid = before["metadata"]["uid"]

            async def has_restarted() -> bool:
                one = first({"status": shell.pods[uid].status})
                return one.get("restartCount") == 1 and one["ready"] is True

            await until(has_restarted)
            await found.server.start()
            after = await found.until("tiny", lambda pod: is_ready(pod) and first(pod)["restartCount"] == 1)
            assert first(after)["lastState"]["terminated"]["containerID"] == first(before)["containerID"]
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")

    running(processes, story)


def test_the_runtime_is_killed_and_comes_back(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell() as shell:
            await found.admin.create(PODS, pod(container=PROBES))
            before = await found.until("tiny", is_ready)
            kill(processes.runtime)
            await found.admin.create(PODS, pod("late", container=PROBES))

            async def is_noticed() -> bool:
                await shell.readiness.ask(now())
                return bool(shell.readiness.runtime(now()).problem)

            await until(is_noticed)
            await asyncio.to_thread(processes.start_runtime)
            await found.until("late", is_ready)
            after = await found.until("tiny", is_ready)
            assert first(after)["containerID"] == first(before)["containerID"]
            for name in ("tiny", "late"):
                await found.admin.delete(PODS, name, "default")
                await found.until_gone(name)

    running(processes, story)
