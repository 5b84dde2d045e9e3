"""Memory and disk run short, on a whole node: limits are kept, pods give way, and all is well afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from bronzewillow.kube.resources import PODS
from bronzewillow.testing.node_processes import NodeProcesses
from kubelet.model.pressure import Observation, Observations
from kubelet.model.thresholds import Signal, eviction_settings
from kubelet.pods.pod_usage import memory_held
from kubelet.provider.client import RuntimeClient

from .conftest import PROBES, STORY_S, Cluster, cluster, first, is_ready, pod, until
from .joined import JoinedNode, joined

pytestmark = pytest.mark.e2e
MIB = 1 << 20
SETTINGS = eviction_settings("memory.available<200Mi,nodefs.available<1Gi", transition=1_000_000)


def requesting(memory: str) -> Mapping[str, object]:
    return {**PROBES, "resources": {"requests": {"memory": memory}}}


def on_node(
    processes: NodeProcesses, story: Callable[[JoinedNode, dict[Signal, Observation]], Awaitable[None]]
) -> None:
    """`story` says what of the machine is measured."""
    seen: dict[Signal, Observation] = {}

    def measure(disk: Path, image_disk: Path) -> Observations:
        return dict(seen)

    async def main() -> None:
        async with (
            asyncio.timeout(STORY_S),
            joined(processes, eviction=SETTINGS, measure=measure) as node,
            node.running(),
        ):
            await story(node, seen)

    asyncio.run(main())


async def held_by_pods(found: Cluster) -> int:
    """As the runtime measures it."""
    runtime = RuntimeClient(found.config.cri)
    try:
        held = memory_held(await runtime.sandbox_stats())
    finally:
        await runtime.close()
    return sum(sum(one.values()) for one in held.values())


def test_a_container_over_its_memory_limit_is_killed_again_and_again(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            little = {"resources": {"limits": {"memory": "32Mi"}}}
            heedless = ("--memory-limit", "0")  # else it would not even begin to load
            await found.admin.create(PODS, pod(args=heedless, container=little))
            killed = await found.until("tiny", lambda one: bool(first(one).get("restartCount")))
            ended = first(killed)["lastState"]["terminated"]
            assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
            waiting = await found.until("tiny", lambda one: _reason(first(one)) == "CrashLoopBackOff")
            uid = waiting["metadata"]["uid"]
            assert first(waiting)["state"]["waiting"]["message"] == (
                f"back-off 10s restarting failed container=llm pod=tiny_default({uid})"
            )
            assert first(waiting)["lastState"]["terminated"]["reason"] == "OOMKilled"
            assert waiting["status"]["phase"] == "Running"
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")
            await found.until_nothing_runs()

    async def main() -> None:
        async with asyncio.timeout(STORY_S), cluster(processes) as found:
            await story(found)

    asyncio.run(main())


def test_memory_is_short_and_one_pod_gives_way(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode, seen: dict[Signal, Observation]) -> None:
        found = node.cluster
        await found.admin.create(PODS, pod("greedy", container=PROBES))
        await found.admin.create(PODS, pod("modest", container=requesting("4Gi")))
        await found.until("greedy", is_ready)
        before = first(await found.until("modest", is_ready))

        used = await held_by_pods(found) * 3 // 2  # so that the shortage is theirs
        seen[Signal.MEMORY] = Observation(52 * MIB, used + 52 * MIB)
        evicted = await found.until("greedy", lambda one: one["status"]["phase"] == "Failed")
        seen[Signal.MEMORY] = Observation(150 * MIB, used + 150 * MIB)  # it has given a little
        assert evicted["status"]["reason"] == "Evicted"
        assert evicted["status"]["message"].startswith(
            "The node was low on resource: memory. Threshold quantity: 200Mi, available: 52Mi. "
            "Container llm was using "
        )
        assert "request is 0, has larger consumption of memory. " in evicted["status"]["message"]
        disrupted = next(one for one in evicted["status"]["conditions"] if one["type"] == "DisruptionTarget")
        assert (disrupted["status"], disrupted["reason"]) == ("True", "TerminationByKubelet")
        condition = await node.until_condition("MemoryPressure", "True")
        assert condition["reason"] == "KubeletHasInsufficientMemory"
        await found.admin.create(PODS, pod("late"))
        refused = await found.until("late", lambda one: one["status"]["phase"] == "Failed")
        assert refused["status"]["reason"] == "Evicted"
        assert "The node had condition: [MemoryPressure]." in refused["status"]["message"]

        seen[Signal.MEMORY] = Observation(8 << 30, 16 << 30)
        await node.until_condition("MemoryPressure", "False")
        assert (await node.condition("Ready"))["status"] == "True"
        await found.admin.create(PODS, pod("again", container=PROBES))
        await found.until("again", is_ready)
        after = first(await found.until("modest", is_ready))
        assert (after["containerID"], after["restartCount"]) == (before["containerID"], 0)
        await found.until_told(
            "EvictionThresholdMet: Attempting to reclaim memory",
            "Evicted: The node was low on resource: memory.",
            "NodeHasInsufficientMemory: Node mac-1 status is now: NodeHasInsufficientMemory",
            "NodeHasSufficientMemory: Node mac-1 status is now: NodeHasSufficientMemory",
        )
        await _remove(found, "greedy", "modest", "late", "again")

    on_node(processes, story)


def test_the_disk_is_full_and_the_pod_that_filled_it_gives_way(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode, seen: dict[Signal, Observation]) -> None:
        found = node.cluster
        scratch = [{"name": "scratch", "emptyDir": {}}]
        await found.admin.create(PODS, pod("full", container=PROBES, volumes=scratch))
        await found.admin.create(PODS, pod("lean", container=PROBES))
        full = await found.until("full", is_ready)
        await found.until("lean", is_ready)
        volumes = found.config.root / "pods" / full["metadata"]["uid"] / "volumes"
        (volumes / "kubernetes.io~empty-dir" / "scratch" / "cache").write_bytes(bytes(8 * MIB))

        seen[Signal.NODE_DISK] = Observation(1020 * MIB, 100 << 30)
        evicted = await found.until("full", lambda one: one["status"]["phase"] == "Failed")
        assert evicted["status"]["reason"] == "Evicted"
        assert evicted["status"]["message"].startswith(
            "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 1020Mi. "
        )
        await node.until_condition("DiskPressure", "True")
        seen[Signal.NODE_DISK] = Observation(1028 * MIB, 100 << 30)
        condition = await node.until_condition("DiskPressure", "False")
        assert condition["reason"] == "KubeletHasNoDiskPressure"
        await until(lambda: asyncio.to_thread(lambda: not volumes.exists()))
        assert is_ready(await found.until("lean", is_ready))
        await found.until_told("EvictionThresholdMet: Attempting to reclaim ephemeral-storage")
        await _remove(found, "full", "lean")

    on_node(processes, story)


async def _remove(found: Cluster, *names: str) -> None:
    for name in names:
        await found.admin.delete(PODS, name, "default")
    for name in names:
        await found.until_gone(name)
    await found.until_nothing_runs()


def _reason(status: Mapping[str, object]) -> object:
    state = status.get("state")
    waiting = state.get("waiting") if isinstance(state, dict) else None
    return waiting.get("reason") if isinstance(waiting, dict) else None
