"""Two hundred pods come and go, in any order, while daemons, shims and models are killed: nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal

import grpc
import psutil
import pytest

from bronzewillow.testing.node_processes import NodeProcesses, kill
from runtime.api import cri_pb2 as api

from .conftest import Cluster, cluster_of

pytestmark = pytest.mark.e2e
PODS, AT_ONCE = 200, 8
SEED = 20_241_117
_TRIES = 60


async def life(cluster: Cluster, dice: random.Random, number: int) -> None:
    """One pod's, as a kubelet drives it: what fails is cleared away and done again."""
    name = f"pod{number}"
    for _ in range(_TRIES):
        try:
            pod = await cluster.run(name)
            if dice.random() < 0.5:
                container = await cluster.start(pod, name, "--engine", "echo")
                await asyncio.sleep(dice.random())
                await _hurt(cluster, dice, pod, container)
            await cluster.remove(pod)
            return
        except grpc.aio.AioRpcError:
            await _clear(cluster, name)
    raise AssertionError(f"{name} could not be run and removed")


async def _hurt(cluster: Cluster, dice: random.Random, pod: str, container: str) -> None:
    match dice.randrange(4):
        case 0:
            with contextlib.suppress(psutil.Error):
                if pid := await cluster.pid(container):
                    psutil.Process(pid).kill()
        case 1:
            for process in cluster.node.left_processes():
                with contextlib.suppress(psutil.Error):
                    if any(f"/{pod[:16]}.sock" in word for word in process.cmdline()):
                        process.kill()


async def _clear(cluster: Cluster, name: str) -> None:
    for _ in range(_TRIES):
        try:
            found = await cluster.runtime.ListPodSandbox(api.ListPodSandboxRequest(), wait_for_ready=True)
            for one in found.items:
                if one.metadata.name == name:
                    await cluster.remove(one.id)
            return
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.2)
    raise AssertionError(f"{name} could not be removed")


async def killings(node: NodeProcesses, dice: random.Random, ends: asyncio.Queue[int]) -> None:
    """One after every few pods that have ended, so that pods get on however slow the machine is."""
    left = PODS
    while (few := dice.randint(10, 20)) < left:
        left -= few
        for _ in range(few):
            await ends.get()
        await asyncio.sleep(dice.random())
        if dice.random() < 0.7:
            kill(node.runtime)
            await asyncio.to_thread(node.start_runtime)
        else:
            kill(node.agent)
            await asyncio.to_thread(node.start_agent)


def test_nothing_is_left(node: NodeProcesses) -> None:
    dice = random.Random(SEED)

    async def main() -> int:
        turns, ends = asyncio.Semaphore(AT_ONCE), asyncio.Queue[int]()
        async with cluster_of(node) as cluster:

            async def one(number: int) -> None:
                async with turns:
                    await life(cluster, dice, number)
                ends.put_nowait(number)

            await asyncio.gather(killings(node, dice, ends), *map(one, range(PODS)))
            answer = await cluster.runtime.ListPodSandbox(api.ListPodSandboxRequest(), wait_for_ready=True)
            return len(answer.items)

    assert asyncio.run(main()) == 0
    assert node.runtime is not None and node.agent is not None
    node.runtime.send_signal(signal.SIGTERM)
    node.runtime.wait(300)
    node.start_runtime()  # which collects what a kill in the wrong moment left to the network
    assert node.until_left(but=(node.runtime.pid, node.agent.pid)) == []
    for folder in (
        node.runtime_folder / "p", node.runtime_folder / "s", node.runtime_folder / "runm",
        node.state_folder / "cri/sandboxes", node.state_folder / "cri/containers",
        node.state_folder / "cri/networks",
    ):  # fmt: skip
        assert not folder.exists() or [path.name for path in folder.iterdir()] == [], folder
    assert [path.name for path in (node.state_folder / "leases").glob("*.json")] == []
    snapshots = [path for path in (node.store / "snapshots/snapshots").iterdir() if path.is_dir()]
    assert len(snapshots) == 1, "the image's own"
    for name in ("agent", "runtime"):
        assert "Traceback" not in node.log(name)
