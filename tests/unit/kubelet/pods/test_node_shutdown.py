"""The order in which pods end with their machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.errors import Unreachable
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.model.decision import Ending
from kubelet.pods import node_shutdown as module
from kubelet.pods.node_shutdown import NodeShutdown, ShutdownGrace

from ..conftest import pod


class Worker:
    """As much of `PodWorker` as is needed."""

    def __init__(self, uid: str, **spec: Any) -> None:
        self.pod, self.status = pod(uid, uid, **spec), {"phase": "Running"}
        self.ended = asyncio.Event()
        self.endings: list[Ending] = []

    def end(self, ending: Ending) -> None:
        self.endings.append(ending)


class Rig:
    def __init__(self) -> None:
        self.workers = {
            "plain": Worker("plain"),
            "critical": Worker("critical", priority=2_000_000_000),
            "done": Worker("done"),
        }
        self.workers["done"].status = {"phase": "Succeeded"}
        self.flushed: list[str] = []
        self.is_heard = True
        workers: Any = self.workers
        self.shutdown = NodeShutdown(workers, self._flush)

    async def _flush(self, uid: str) -> None:
        self.flushed.append(uid)
        if not self.is_heard:
            raise Unreachable("no answer")

    def ended(self) -> dict[str, list[int | None]]:
        return {uid: [one.grace_s for one in worker.endings] for uid, worker in self.workers.items()}


def test_critical_pods_end_last_and_all_is_told() -> None:
    async def main() -> None:
        rig = Rig()
        task = spawn(rig.shutdown.run(ShutdownGrace(30, 10)), name="shutdown")
        await until(lambda: rig.ended() == {"plain": [20], "critical": [], "done": []})
        rig.workers["plain"].ended.set()
        await until(lambda: rig.ended()["critical"] == [10])
        assert not rig.flushed
        rig.workers["critical"].ended.set()
        await task
        assert sorted(rig.flushed) == ["critical", "done", "plain"]
        assert {one.reason for one in rig.workers["plain"].endings} == {"Terminated"}

    run(main())


def test_who_does_not_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_LEAST_S", 0.01)

    async def main() -> None:
        rig = Rig()
        rig.is_heard = False
        rig.workers["critical"].ended.set()
        await rig.shutdown.run(ShutdownGrace(1, 1))  # of which the plain pod has nothing
        assert rig.ended() == {"plain": [0], "critical": [1], "done": []}
        assert len(rig.flushed) == 3  # nobody hears of one, and the others are told all the same

    run(main())
    assert "plain_default(plain): have not ended within 0.01 s" in caplog.text


def test_without_a_grace_pods_are_left_to_the_system() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.shutdown.run(ShutdownGrace(0, 0))
        assert rig.ended() == {"plain": [], "critical": [], "done": []}

    run(main())
