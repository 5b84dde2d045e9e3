"""Tokens: asked for, held, renewed in time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bronzewillow.kube.errors import KubeError, Unreachable
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.aio import run
from kubelet.model.times import SECOND, rfc3339
from kubelet.volumes.tokens import Tokens

from ..conftest import pod


class Api:
    def __init__(self) -> None:
        self.time = 1_700_000_000 * SECOND
        self.requests: list[tuple[str, str, str, Any]] = []
        self.error: KubeError | None = None

    async def create_subresource(
        self, resource: Resource, name: str, subresource: str, obj: Object, namespace: str = ""
    ) -> Object:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.requests.append((namespace, name, subresource, obj["spec"]))
        ends = self.time + obj["spec"]["expirationSeconds"] * SECOND
        return {"status": {"token": f"t{len(self.requests)}", "expirationTimestamp": rfc3339(ends)}}


class Rig:
    def __init__(self, random: float = 0.0) -> None:
        self.api = Api()
        self.tokens = Tokens(self.api, lambda: self.api.time, lambda: random)

    async def ask(self, uid: str = "u1", audience: str = "", life_s: int = 1000, **spec: Any) -> str:
        return await self.tokens.token(pod(uid=uid, **spec), audience, life_s)


def test_it_is_bound_to_its_pod() -> None:
    async def main() -> None:
        rig = Rig()
        assert await rig.ask(audience="vault", serviceAccountName="robot") == "t1"
        ((namespace, account, subresource, spec),) = rig.api.requests
        assert (namespace, account, subresource) == ("default", "robot", "token")
        assert spec["audiences"] == ["vault"]
        assert spec["boundObjectRef"] == {"kind": "Pod", "apiVersion": "v1", "name": "tiny", "uid": "u1"}

    run(main())


def test_it_is_renewed_at_four_fifths_of_its_life() -> None:
    async def main() -> None:
        rig = Rig()
        begun = rig.api.time
        assert set(await asyncio.gather(*(rig.ask() for _ in range(4)))) == {"t1"}
        rig.api.time = begun + 799 * SECOND
        assert await rig.ask() == "t1"
        rig.api.time = begun + 800 * SECOND
        assert await rig.ask() == "t2"

    run(main())


def test_jitter_and_a_day() -> None:
    async def main() -> None:
        rig = Rig(random=0.5)
        begun = rig.api.time
        await rig.ask(life_s=10**6)
        rig.api.time = begun + (24 * 3600 - 5) * SECOND - 1
        assert await rig.ask(life_s=10**6) == "t1"
        rig.api.time += 1
        assert await rig.ask(life_s=10**6) == "t2"

    run(main())


def test_with_the_api_server_away_it_serves_to_its_end() -> None:
    async def main() -> None:
        rig = Rig()
        begun = rig.api.time
        await rig.ask()
        rig.api.error = Unreachable("away")
        rig.api.time = begun + 999 * SECOND
        assert await rig.ask() == "t1"
        rig.api.time = begun + 1000 * SECOND
        with pytest.raises(Unreachable):
            await rig.ask()

    run(main())


def test_each_pod_and_audience_has_its_own() -> None:
    async def main() -> None:
        rig = Rig()
        assert [await rig.ask(), await rig.ask("u2"), await rig.ask(audience="x")] == ["t1", "t2", "t3"]
        rig.tokens.forget("u1")
        assert [await rig.ask("u2"), await rig.ask()] == ["t2", "t4"]

    run(main())
