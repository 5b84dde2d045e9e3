"""Events on their way to the API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import PatchType
from bronzewillow.kube.errors import Forbidden, KubeError, NotFound, Unreachable
from bronzewillow.kube.resources import Resource
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.model.decision import EventType, PodEvent
from kubelet.pods import event_recorder
from kubelet.pods.event_recorder import EventRecorder

from ..conftest import pod

STARTED = PodEvent(EventType.NORMAL, "Started", "Started container llm", "spec.containers{llm}")


class Rig:
    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.patched: list[tuple[str, Any]] = []
        self.errors: list[KubeError] = []
        self.recorder = EventRecorder(self, "mac-1", lambda: 1_700_000_000_000_000, lambda: 0)

    async def create(self, resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        self.created.append(obj)
        return obj

    async def patch(
        self, resource: Resource, name: str, patch: object, namespace: str = "", *, subresource: str = "",
        type: PatchType = PatchType.STRATEGIC,
    ) -> dict[str, Any]:  # fmt: skip
        if self.errors:
            raise self.errors.pop(0)
        self.patched.append((name, patch))
        return {}


@asynccontextmanager
async def running() -> AsyncIterator[Rig]:
    rig = Rig()
    task = spawn(rig.recorder.run(), name="recorder")
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_recorder, "AGAIN_S", 0.0)


def test_the_same_again_is_counted() -> None:
    async def main() -> None:
        async with running() as rig:
            rig.recorder.of_pod(pod(), STARTED)
            rig.recorder.of_pod(pod(), STARTED)
            await until(lambda: len(rig.patched) == 1)
            (event,) = rig.created
            assert event["involvedObject"]["uid"] == "u1"
            assert event["source"] == {"component": "kubelet", "host": "mac-1"}
            name, patch = rig.patched[0]
            assert (name, patch["count"]) == (event["metadata"]["name"], 2)

    run(main())


def test_one_that_has_gone_is_made_anew() -> None:
    async def main() -> None:
        async with running() as rig:
            rig.recorder.of_pod(pod(), STARTED)
            await until(lambda: len(rig.created) == 1)
            rig.errors = [NotFound("gone", code=404)]
            rig.recorder.of_pod(pod(), STARTED)
            await until(lambda: len(rig.created) == 2)
            assert rig.created[1]["count"] == 2

    run(main())


def test_with_the_api_server_away_they_wait() -> None:
    async def main() -> None:
        async with running() as rig:
            rig.errors = [Unreachable("away")] * 5
            rig.recorder.of_pod(pod(), STARTED)
            rig.recorder.of_node(PodEvent(EventType.NORMAL, "NodeReady", "ready"))
            await until(lambda: len(rig.created) == 2)
            assert [event["reason"] for event in rig.created] == ["Started", "NodeReady"]
            assert rig.created[1]["involvedObject"]["uid"] == "mac-1"

    run(main())


@pytest.mark.parametrize(
    ("errors", "dropped"), [([Forbidden("no", code=403)], 0), ([Unreachable("away")] * 12, 1)]
)
def test_what_is_not_taken_holds_up_nothing(errors: list[KubeError], dropped: int) -> None:
    async def main() -> None:
        async with running() as rig:
            rig.errors = list(errors)
            rig.recorder.of_pod(pod(), STARTED)
            rig.recorder.of_pod(pod("other", "u2"), STARTED)
            await until(lambda: len(rig.created) == 1)
            assert rig.created[0]["involvedObject"]["name"] == "other"
            assert rig.recorder.dropped == dropped

    run(main())


def test_too_many_are_dropped() -> None:
    rig = Rig()
    for number in range(1100):
        rig.recorder.of_pod(pod(f"p{number}", f"u{number}"), STARTED)
    assert rig.recorder.dropped == 100
