"""Pulls: one after another, with credentials, told of."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.errors import Unreachable
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.model.actions import PullImage
from kubelet.model.decision import PodEvent
from kubelet.model.outcomes import Failed, Pulled
from kubelet.pods import image_puller
from kubelet.pods.image_puller import ImagePuller
from kubelet.references import References

from ..conftest import CriDouble, pod, runtime_double

pytestmark = pytest.mark.loopback


class Rig:
    def __init__(self, double: CriDouble, client: Any) -> None:
        self.double, self.time = double, 0
        self.events: list[PodEvent] = []
        self.secrets: dict[str, Object] = {}
        references = References(self, lambda: self.time)
        self.puller = ImagePuller(
            client, references, lambda _, event: self.events.append(event), lambda: self.time
        )

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        if name not in self.secrets:
            raise Unreachable("away")
        return self.secrets[name]

    async def pull(self, image: str = "r.example/m:v1", *secrets: str) -> Any:
        mine = pod(imagePullSecrets=[{"name": name} for name in secrets])
        return await self.puller.pull(mine, PullImage("llm", image))


@asynccontextmanager
async def rigged() -> AsyncIterator[Rig]:
    async with runtime_double() as (double, client):
        yield Rig(double, client)


def login(**auths: str) -> Object:
    config = {"auths": {key.replace("_", "."): {"username": user} for key, user in auths.items()}}
    data = base64.b64encode(json.dumps(config).encode()).decode()
    return {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": data}}


def test_what_a_pull_brings() -> None:
    async def main() -> None:
        async with rigged() as rig:
            assert await rig.pull() == Pulled("sha256:r.example/m:v1", 100, 0, 0)
            assert rig.double.pulls[0][1].username == ""

    run(main())


def test_credentials_are_tried_in_turn_and_missing_ones_named() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.secrets = {"a": login(r_example="me"), "b": login(other_example="you")}
            assert (await rig.pull("r.example/m", "a", "b", "none")).missing_secrets == ("none",)
            assert [auth.username for _, auth in rig.double.pulls] == ["me"]
            rig.time = 10**7
            rig.double.refusals["PullImage"] = (grpc.StatusCode.UNKNOWN, "401")
            rig.secrets["b"] = login(r_example="you")
            failed = await rig.pull("r.example/m", "a", "b")
            assert failed == Failed("401", "ErrImagePull")
            assert [auth.username for _, auth in rig.double.pulls[1:]] == ["me", "you"]

    run(main())


@pytest.mark.parametrize(
    ("code", "reason"),
    [(grpc.StatusCode.INVALID_ARGUMENT, "InvalidImageName"), (grpc.StatusCode.NOT_FOUND, "ErrImagePull")],
)
def test_why_it_failed(code: grpc.StatusCode, reason: str) -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.double.refusals["PullImage"] = (code, "no")
            assert await rig.pull() == Failed("no", reason)

    run(main())


def test_one_after_another_and_waiting_counts() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.double.holds["PullImage"] = asyncio.Event()
            first = spawn(rig.pull("r.example/a"), name="first")
            await until(lambda: len(rig.double.pulls) == 1)
            second = spawn(rig.pull("r.example/b"), name="second")
            for _ in range(100):
                await asyncio.sleep(0)
            assert len(rig.double.pulls) == 1
            rig.time = 5_000_000
            rig.double.holds["PullImage"].set()
            assert ((await first).took_us, (await first).waited_us) == (5_000_000, 5_000_000)
            assert ((await second).took_us, (await second).waited_us) == (0, 5_000_000)

    run(main())


def test_who_is_cancelled_makes_room() -> None:
    async def main() -> None:
        async with rigged() as rig:
            rig.double.holds["PullImage"] = asyncio.Event()
            first = spawn(rig.pull("r.example/a"), name="first")
            await until(lambda: len(rig.double.pulls) == 1)
            first.cancel()
            await asyncio.wait([first])
            del rig.double.holds["PullImage"]
            assert isinstance(await rig.pull("r.example/b"), Pulled)

    run(main())


def test_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_puller, "PROGRESS_PERIOD", 1000)

    async def main() -> None:
        async with rigged() as rig:
            rig.double.facts = {"pull": '{"doneBytes": 50, "totalBytes": 200}'}
            rig.double.holds["PullImage"] = asyncio.Event()
            pull = spawn(rig.pull(), name="pull")
            await until(lambda: len(rig.events) > 0)
            rig.double.holds["PullImage"].set()
            await pull
            told = rig.events[0]
            assert told.message == 'Pulling image "r.example/m:v1": 25% of 200 bytes'
            assert (told.reason, told.field_path) == ("Pulling", "spec.containers{llm}")
            rig.double.facts = {"pull": "nonsense"}
            assert await rig.puller.progress("x") == (0, 0)

    run(main())
