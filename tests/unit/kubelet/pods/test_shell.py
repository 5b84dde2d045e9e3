"""Everything together, on a runtime in memory and an API server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import EVENTS, NODES, PODS
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.loopback import until
from kubelet.model.decision import Refusal
from kubelet.model.pressure import Observation, Observations
from kubelet.model.thresholds import EvictionSettings, Signal
from kubelet.node.health import HealthWatch
from kubelet.pods.shell import PodShell, ShellConfig
from runtime.api import cri_pb2 as api

from ..conftest import CriDouble, pod, runtime_double

pytestmark = pytest.mark.loopback


@dataclass
class Rig:
    shell: PodShell
    double: CriDouble
    server: ApiServer
    refusal: Refusal | None = None
    seen: Observations = field(default_factory=dict)
    """Of the machine."""

    def create(self, **spec: Any) -> str:
        """A pod's UID."""
        made = pod(**spec)
        del made["metadata"]["uid"], made["status"]
        return str(self.server.make(PODS, made)["metadata"]["uid"])

    def phase(self, name: str = "tiny") -> str:
        found = self.server.store.get(PODS, "default", name)
        return str(found["status"]["phase"]) if found else ""


@asynccontextmanager
async def rigged() -> AsyncIterator[Rig]:
    async with runtime_double() as (double, client), api_server() as server:
        with TemporaryDirectory(prefix="bw") as folder:
            node = server.make(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mac-1"}})
            node["status"] = {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]}
            access = server.certified("system:node:mac-1", "system:nodes")
            async with KubeClient(access) as kube:
                config = ShellConfig("mac-1", Path(folder) / "kubelet", client.socket, Path(folder) / "door")
                health = HealthWatch(EvictionSettings(), Path(folder), lambda: 0, lambda *_: rig.seen)
                shell = PodShell(config, kube, lambda: node, lambda *_: rig.refusal, health)
                rig = Rig(shell, double, server)
                double.add_image("tiny:v1")
                task = spawn(shell.run(), name="shell")
                try:
                    yield rig
                    assert not task.done()
                finally:
                    task.cancel()
                    await asyncio.wait([task])


def test_a_pod_of_the_api_server_runs_and_goes() -> None:
    async def main() -> None:
        async with rigged() as rig:
            uid = rig.create()
            await until(lambda: rig.phase() == "Running")
            found = rig.server.store.get(PODS, "default", "tiny")
            assert found is not None
            assert found["status"]["hostIP"] == "192.0.2.7"
            assert [one["metadata"]["uid"] for one in rig.shell.shown.all()] == [uid]
            told = rig.shell.shown.get("default", "tiny")
            assert told is not None
            assert told["status"]["phase"] == "Running"
            rig.server.store.remove(PODS, found)
            await until(lambda: not rig.double.sandboxes and not rig.shell.pods)

    run(main())


def test_the_logs_of_one_that_begins_while_others_are_tidied_away_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async with rigged() as rig:
            logs = rig.shell.logs
            old, new = (logs.of_pod("default", name, name) for name in ("old", "new"))
            old.mkdir(parents=True)
            await until(lambda: rig.shell.pods.is_complete)

            async def forget_strangers(uids: object) -> None:
                new.mkdir()

            monkeypatch.setattr(rig.shell.volumes, "forget_strangers", forget_strangers)
            await rig.shell._tidy()
            assert (old.exists(), new.exists()) == (False, True)

    run(main())


def test_one_that_is_not_admitted() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.refusal = Refusal("OutOfmemory", "too large")
            rig.create()
            await until(lambda: rig.phase() == "Failed")
            assert rig.double.sandboxes == {}

    run(main())


def test_one_that_holds_more_than_its_limit() -> None:
    async def main() -> None:
        async with rigged() as rig:
            limits = {"limits": {"memory": "1Gi"}}
            containers = [{"name": "llm", "image": "tiny:v1", "resources": limits}]
            rig.create(containers=containers, restartPolicy="Never")
            await until(lambda: rig.phase() == "Running")
            rig.double.memory_bytes = 1 << 30
            await rig.shell.memory.look()
            rig.double.memory_bytes += 1
            await rig.shell.memory.look()
            await until(lambda: rig.phase() == "Failed")
            stops = [one for one in rig.double.calls if one.startswith("StopContainer")]
            assert stops == ["StopContainer 2"]  # the least that a kubelet gives
            found = rig.server.store.get(PODS, "default", "tiny")
            assert found is not None
            ended = found["status"]["containerStatuses"][0]["state"]["terminated"]
            assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)

    run(main())


def test_one_that_gives_way() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.create()
            await until(lambda: rig.phase() == "Running")
            rig.double.memory_bytes = 1 << 30
            rig.seen = {Signal.MEMORY: Observation(52 << 20, 2 << 30)}
            await rig.shell.eviction.look()
            await until(lambda: rig.phase() == "Failed")
            found = rig.server.store.get(PODS, "default", "tiny")
            assert found is not None
            told = found["status"]
            assert told["reason"] == "Evicted"
            assert told["message"].startswith(
                "The node was low on resource: memory. Threshold quantity: 100Mi"
            )
            disrupted = next(one for one in told["conditions"] if one["type"] == "DisruptionTarget")
            assert (disrupted["status"], disrupted["reason"]) == ("True", "TerminationByKubelet")
            await until(
                lambda: (
                    {"Evicted", "EvictionThresholdMet"}
                    <= {one["reason"] for one in rig.server.store.list(EVENTS)}
                )
            )

    run(main())


def test_what_the_runtime_has_and_nobody_wants_goes() -> None:
    async def main() -> None:
        async with rigged() as rig:
            labels = {"io.kubernetes.pod.uid": "u9", "io.kubernetes.pod.name": "old"}
            await rig.shell.runtime.run_sandbox(api.PodSandboxConfig(labels=labels), "")
            await until(lambda: not rig.double.sandboxes)

    run(main())


def test_a_kubelet_that_has_stalled_says_so() -> None:
    async def main() -> None:
        async with rigged() as rig:
            assert rig.shell.sync_loop_problem() == ""
            rig.shell._ticked -= 301 * 10**6
            assert "has not turned for 301 s" in rig.shell.sync_loop_problem()

    run(main())
