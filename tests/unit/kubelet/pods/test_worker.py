"""One pod's worker: looks, decides, acts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.model import actions as a
from kubelet.model.decision import Ending, NodeFacts, PodEvent, Refusal
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.outcomes import Done, Failed, ImageFound, Made, Outcome
from kubelet.model.pod_spec import Object, orphan_pod
from kubelet.pods import worker as module
from kubelet.pods.surroundings import now, wall
from kubelet.pods.worker import PodWorker
from kubelet.provider.errors import RuntimeRefusal

from ..conftest import pod


class Around:
    """A node whose runtime does at once what it is asked."""

    def __init__(self) -> None:
        self.sandbox: ObservedSandbox | None = None
        self.container: ObservedContainer | None = None
        self.done: list[str] = []
        self.events: list[PodEvent] = []
        self.phases: list[str] = []
        self.finished: list[str] = []
        self.evicted: list[str] = []
        self.syncs: list[bool] = []
        self.is_down = False
        self.hold: asyncio.Event | None = None
        """Pulls wait for it."""
        self.broken: type[a.Action] | None = None

    def now(self) -> int:
        return now()

    def wall(self) -> int:
        return wall()

    def facts(self) -> NodeFacts:
        return NodeFacts("mac-1", ("192.0.2.1",), "runm")

    async def observe(self, pod_uid: str) -> ObservedPod:
        as_of = now()
        await asyncio.sleep(0)
        if self.is_down:
            raise RuntimeRefusal("down", grpc.StatusCode.UNAVAILABLE)
        return ObservedPod(
            as_of, (self.sandbox,) if self.sandbox else (), (self.container,) if self.container else ()
        )

    async def execute(self, pod: Object, action: a.Action, observed: ObservedPod | None) -> Outcome:
        self.done.append(type(action).__name__)
        await asyncio.sleep(0)
        if self.broken is not None and isinstance(action, self.broken):
            self.broken = None
            raise ValueError("a mistake of ours")
        match action:
            case a.CreateSandbox():
                self.sandbox = ObservedSandbox("s1", action.attempt, True, 1, ("10.244.7.2",))
                return Made("s1")
            case a.StopSandbox():
                self.sandbox = None
            case a.InspectImage():
                return ImageFound("sha256:1" if self.hold is None else "")
            case a.PullImage() if self.hold is not None:
                await self.hold.wait()
                return Failed("not reached")
            case a.CreateContainer():
                self._set(ContainerState.CREATED)
                return Made("c1")
            case a.StartContainer():
                self._set(ContainerState.RUNNING)
            case a.StopContainer():
                self._set(ContainerState.EXITED)
            case a.RemoveContainer():
                self.container = None
        return Done()

    def _set(self, state: ContainerState) -> None:
        self.container = ObservedContainer("c1", "llm", 0, state, "s1", 1, started_ns=2, finished_ns=3)

    def tell_status(self, pod: Object, status: Object) -> None:
        if not self.phases or self.phases[-1] != status["phase"]:
            self.phases.append(status["phase"])

    def tell_event(self, pod: Object, event: PodEvent) -> None:
        self.events.append(event)

    def count_eviction(self, signal: str) -> None:
        self.evicted.append(signal)

    def count_sync(self, seconds: float, *, is_first: bool) -> None:
        self.syncs.append(is_first)

    def on_finished(self, pod_uid: str) -> None:
        self.finished.append(pod_uid)


@asynccontextmanager
async def working(around: Around, first: Object | None = None) -> AsyncIterator[PodWorker]:
    worker = PodWorker(first if first is not None else pod(), around)
    worker.start()
    try:
        yield worker
    finally:
        worker.leave()
        await asyncio.sleep(0)


def test_from_nothing_to_running_to_nothing() -> None:
    async def main() -> None:
        around = Around()
        async with working(around) as worker:
            await until(lambda: around.phases == ["Pending", "Running"])
            assert worker.status["podIP"] == "10.244.7.2"
            assert [event.reason for event in around.events] == ["Pulled", "Created", "Started"]
            deleted = pod()
            deleted["metadata"] |= {
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "deletionGracePeriodSeconds": 3,
            }
            worker.desire(deleted)
            await until(lambda: "DeletePodObject" in around.done)
            assert around.phases[-1] == "Succeeded"
            assert around.done.index("StopContainer") < around.done.index("StopSandbox")
            worker.forget()
            await until(lambda: around.finished == ["u1"])

    run(main())


def test_what_nobody_wants_ends() -> None:
    async def main() -> None:
        around = Around()
        around.sandbox = ObservedSandbox("s1", 0, True, 1)
        around._set(ContainerState.RUNNING)
        async with working(around, orphan_pod("u9", "old", "default")) as worker:
            worker.forget()
            await until(lambda: around.finished == ["u9"])
            assert around.container is None

    run(main())


def test_a_refused_pod_never_starts() -> None:
    async def main() -> None:
        around = Around()
        worker = PodWorker(pod(), around)
        worker.refuse(Refusal("OutOfmemory", "too large"))
        worker.start()
        await until(lambda: around.phases == ["Failed"])
        assert around.container is None
        assert worker.status["reason"] == "OutOfmemory"
        worker.leave()
        await asyncio.sleep(0)

    run(main())


def test_the_node_ends_it() -> None:
    async def main() -> None:
        around = Around()
        async with working(around) as worker:
            await until(lambda: around.phases == ["Pending", "Running"])
            for _ in range(2):
                worker.end(Ending("Evicted", "too much", signal="memory.available"))
            await until(lambda: around.phases[-1] == "Failed")
            assert worker.status["reason"] == "Evicted"
            assert around.evicted == ["memory.available"]
            assert around.syncs[0] is True
            assert around.syncs.count(True) == 1

    run(main())


def test_a_runtime_that_is_down_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OBSERVE_AGAIN_S", 0.001)

    async def main() -> None:
        around = Around()
        around.is_down = True
        async with working(around):
            await until(lambda: around.phases == ["Pending"])
            assert around.done == []
            around.is_down = False
            await until(lambda: around.phases[-1] == "Running")

    run(main())


def test_an_end_is_seen_when_it_is_told_of() -> None:
    async def main() -> None:
        around = Around()
        async with working(around) as worker:
            await until(lambda: around.phases == ["Pending", "Running"])
            around._set(ContainerState.EXITED)
            worker.look()
            await until(lambda: around.done.count("CreateContainer") == 2)

    run(main())


def test_a_pull_is_given_up_when_the_pod_goes() -> None:
    async def main() -> None:
        around = Around()
        around.hold = asyncio.Event()
        async with working(around) as worker:
            await until(lambda: "PullImage" in around.done)
            worker.forget()
            await until(lambda: around.finished == ["u1"])

    run(main())


def test_a_mistake_of_ours_is_a_failure_of_the_action(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        around = Around()
        around.broken = a.CreateContainer
        async with working(around):
            await until(lambda: any(event.reason == "Failed" for event in around.events))
        assert "internal error: a mistake of ours" in around.events[-1].message
        assert "CreateContainer" in caplog.text

    run(main())


def test_leaving_touches_nothing() -> None:
    async def main() -> None:
        around = Around()
        async with working(around):
            await until(lambda: around.phases == ["Pending", "Running"])
        assert around.container is not None
        assert "StopContainer" not in around.done
        assert around.finished == []

    run(main())
