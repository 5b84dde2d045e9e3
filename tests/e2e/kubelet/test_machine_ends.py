"""SIGTERM to a process `llm-kubelet run`, when the machine goes down and when it does not."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bronzewillow.host.children import send_signal
from bronzewillow.kube.resources import PODS
from bronzewillow.testing.node_processes import NodeProcesses

from .conftest import PROBES, STORY_S, first, is_ready, pod
from .joined import JoinedNode, joined

pytestmark = pytest.mark.e2e


def on_machine(
    processes: NodeProcesses, state: str, story: Callable[[JoinedNode, Path], Awaitable[None]]
) -> None:
    """Whose systemd says that it is in `state`."""
    tools = processes.folder / f"tools-{state}"
    tools.mkdir()
    (tools / "systemctl").write_text(f"#!/bin/sh\necho {state}\n")
    (tools / "systemctl").chmod(0o755)

    async def main() -> None:
        async with asyncio.timeout(STORY_S), joined(processes) as node:
            await story(node, tools)

    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac is asked otherwise")
def test_pods_end_with_their_machine_the_critical_ones_last(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode, tools: Path) -> None:
        found = node.cluster
        grace = ("--shutdown-grace-period", "200", "--shutdown-grace-period-critical-pods", "100")
        async with node.process(tools, *grace) as running:
            await node.until_ready()
            slow = {**PROBES, "lifecycle": {"preStop": {"sleep": {"seconds": 90}}}}
            await found.admin.create(PODS, pod("plain", container=slow, terminationGracePeriodSeconds=100))
            await found.admin.create(PODS, pod("critical", container=PROBES, priority=2_000_000_000))
            plain = first(await found.until("plain", is_ready))
            await found.until("critical", is_ready)
            send_signal(running, signal.SIGTERM)
            ready = await node.until_condition("Ready", "False")
            assert (ready["reason"], ready["message"]) == ("KubeletNotReady", "node is shutting down")
            await found.admin.create(PODS, pod("late", container=PROBES))
            late = await found.until("late", lambda one: one["status"]["phase"] == "Failed")
            assert late["status"]["reason"] == "NodeShutdown"
            assert is_ready(await found.until("critical", is_ready))  # its turn has not come
            await found.stop(plain["containerID"])  # and has now
            assert await running.wait() == 0
        ended = {}
        for name in ("plain", "critical"):
            one = await found.until(name, lambda _: True)
            assert (one["status"]["phase"], one["status"]["reason"]) == ("Failed", "Terminated")
            assert one["status"]["message"] == "Pod was terminated in response to imminent node shutdown."
            conditions = {each["type"]: each for each in one["status"]["conditions"]}
            assert conditions["DisruptionTarget"]["reason"] == "TerminationByKubelet"
            assert conditions["Ready"]["status"] == "False"
            ended[name] = first(one)["state"]["terminated"]["finishedAt"]
        assert ended["plain"] <= ended["critical"]
        assert (await node.condition("Ready"))["message"] == "node is shutting down"

        # the machine is back: what has ended stays ended, and goes when somebody removes it
        async with node.running():
            assert (await node.condition("Ready"))["status"] == "True"
            for name in ("plain", "critical", "late"):
                await found.admin.delete(PODS, name, "default")
                await found.until_gone(name)
            await found.until_nothing_runs()

    on_machine(processes, "stopping", story)


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac is asked otherwise")
def test_an_end_of_the_process_alone_is_no_end_of_its_pods(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode, tools: Path) -> None:
        found = node.cluster
        async with node.process(tools) as running:
            await node.until_ready()
            await found.admin.create(PODS, pod(container=PROBES))
            before = first(await found.until("tiny", is_ready))
            send_signal(running, signal.SIGTERM)
            assert await running.wait() == 0
        assert (await node.condition("Ready"))["status"] == "True"
        assert await found.runs(before["containerID"])
        async with node.running():
            after = first(await found.until("tiny", is_ready))
            assert (after["containerID"], after["restartCount"]) == (before["containerID"], 0)
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")
            await found.until_nothing_runs()

    on_machine(processes, "running", story)
