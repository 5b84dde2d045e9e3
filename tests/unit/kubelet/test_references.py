"""ConfigMaps and Secrets by name: fresh enough, or better than nothing."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.kube.errors import Forbidden, KubeError, NotFound, Unreachable
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.aio import run
from kubelet.references import FRESH, References


class Api:
    def __init__(self) -> None:
        self.objects: dict[str, Object] = {"a": {"data": {"k": "1"}}}
        self.error: KubeError | None = None
        self.asked: list[str] = []

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        self.asked.append(f"{resource.plural}/{namespace}/{name}")
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if name not in self.objects:
            raise NotFound(name)
        return self.objects[name]


class Rig:
    def __init__(self) -> None:
        self.api, self.time = Api(), 0
        self.references = References(self.api, lambda: self.time)


def test_a_young_copy_is_given_again() -> None:
    async def main() -> None:
        rig = Rig()
        found = await asyncio.gather(*(rig.references.config_map("n", "a") for _ in range(5)))
        assert [one and one["data"] for one in found] == [{"k": "1"}] * 5
        assert rig.api.asked == ["configmaps/n/a"]
        rig.time = FRESH + 1
        await rig.references.config_map("n", "a")
        await rig.references.secret("n", "a")
        assert rig.api.asked == ["configmaps/n/a", "configmaps/n/a", "secrets/n/a"]

    run(main())


def test_one_that_is_not_there() -> None:
    async def main() -> None:
        rig = Rig()
        assert await rig.references.secret("n", "none") is None
        rig.api.objects["none"] = {}
        rig.time = FRESH + 1
        assert await rig.references.secret("n", "none") == {}

    run(main())


def test_with_the_api_server_away_an_old_copy_is_better_than_none() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.references.config_map("n", "a")
        rig.time, rig.api.error = 3600 * 10**6, Unreachable("away")
        assert await rig.references.config_map("n", "a") is not None
        with pytest.raises(Unreachable):
            await rig.references.config_map("n", "b")
        rig.api.error = Forbidden("no", code=403)
        with pytest.raises(Forbidden):
            await rig.references.config_map("n", "a")

    run(main())


def test_what_is_immutable_is_asked_for_once() -> None:
    async def main() -> None:
        rig = Rig()
        rig.api.objects["a"] = {"immutable": True}
        for rig.time in (0, 10**9, 10**12):
            await rig.references.secret("n", "a")
        assert len(rig.api.asked) == 1

    run(main())


def test_what_pods_name_is_held_however_long_the_api_server_is_away() -> None:
    async def main() -> None:
        rig = Rig()
        await rig.references.hold({("n", "a"), ("n", "missing")}, {("n", "a")})
        asked = sorted(rig.api.asked)
        assert asked == ["configmaps/n/a", "configmaps/n/missing", "secrets/n/a"]
        await rig.references.hold({("n", "a"), ("n", "missing")}, {("n", "a")})
        assert len(rig.api.asked) == 3
        rig.api.error = Unreachable("away")
        rig.time = 3600 * 10**6
        await rig.references.hold({("n", "a"), ("n", "b")}, {("n", "a")})
        assert await rig.references.config_map("n", "a") == {"data": {"k": "1"}}
        with pytest.raises(KubeError):
            await rig.references.config_map("n", "b")

    run(main())


def test_what_nobody_asks_for_is_forgotten() -> None:
    async def main() -> None:
        rig = Rig()
        rig.api.objects["a"] = {"immutable": True}
        await rig.references.secret("n", "a")
        await rig.references.hold(set(), set())
        await rig.references.secret("n", "a")
        rig.time = 601 * 10**6
        await rig.references.hold(set(), set())
        await rig.references.secret("n", "a")
        assert len(rig.api.asked) == 2

    run(main())
