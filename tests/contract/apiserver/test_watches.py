"""Watches, and the reflector on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.cache import Change
from bronzewillow.kube.client import Selection
from bronzewillow.kube.errors import Expired
from bronzewillow.kube.reflector import Reflector
from bronzewillow.kube.resources import CONFIG_MAPS, Object

from .conftest import Play
from .scene import Scene

pytestmark = pytest.mark.loopback


async def put(scene: Scene, name: str, **labels: str) -> Object:
    metadata = {"name": name, "namespace": scene.namespace, "labels": labels}
    return await scene.admin.create(CONFIG_MAPS, {"metadata": metadata})


async def label(scene: Scene, name: str, value: str) -> Object:
    return await scene.admin.patch(CONFIG_MAPS, name, {"metadata": {"labels": {"k": value}}}, scene.namespace)


def version(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])


def test_events_in_order_with_versions(play: Play) -> None:
    async def body(scene: Scene) -> None:
        first = await put(scene, "a", k="w")
        second = await label(scene, "a", "x")
        selection = Selection(scene.namespace, labels="k")
        async with scene.admin.watch(
            CONFIG_MAPS, selection, resource_version=version(first), timeout_s=60
        ) as events:
            await scene.admin.delete(CONFIG_MAPS, "a", scene.namespace)
            third = await put(scene, "a", k="w")
            seen = [await anext(events) for _ in range(3)]
        assert [kind for kind, _ in seen] == ["MODIFIED", "DELETED", "ADDED"]
        assert version(seen[0][1]) == version(second)
        assert int(version(seen[1][1])) > int(version(second))
        assert seen[1][1]["metadata"]["labels"] == {"k": "x"}
        assert seen[2][1]["metadata"]["uid"] == third["metadata"]["uid"] != first["metadata"]["uid"]

    play(body)


def test_who_enters_and_leaves_a_selection(play: Play) -> None:
    async def body(scene: Scene) -> None:
        first = await put(scene, "a", k="x")
        selection = Selection(scene.namespace, labels="k=y")
        async with scene.admin.watch(
            CONFIG_MAPS, selection, resource_version=version(first), timeout_s=60
        ) as events:
            for value in ("y", "z"):
                await label(scene, "a", value)
            kinds = [(await anext(events))[0] for _ in range(2)]
        assert kinds == ["ADDED", "DELETED"]

    play(body)


def test_a_watch_ends_when_it_was_told_to(play: Play) -> None:
    async def body(scene: Scene) -> None:
        first = await put(scene, "a")
        selection = Selection(scene.namespace, labels="k")
        async with scene.admin.watch(
            CONFIG_MAPS, selection, resource_version=version(first), timeout_s=1
        ) as events:
            kinds = {kind async for kind, _ in events}
        assert kinds <= {"BOOKMARK"}

    play(body)


@asynccontextmanager
async def reflected(scene: Scene, told: asyncio.Queue[Change]) -> AsyncIterator[None]:
    def sink(changes: list[Change]) -> None:
        for change in changes:
            told.put_nowait(change)

    selection = Selection(scene.namespace, labels="k")
    reflector = Reflector(scene.admin, CONFIG_MAPS, sink, selection)
    task = spawn(reflector.run(), name="reflector")
    await reflector.synced()
    yield
    task.cancel()
    await asyncio.wait([task])


def test_a_restart_expires_watches_and_a_reflector_gets_over_it(play: Play) -> None:
    async def body(scene: Scene) -> None:
        old = version(await put(scene, "a", k="x"))
        queue: asyncio.Queue[Change] = asyncio.Queue()
        async with reflected(scene, queue):
            for value in ("y", "z"):
                await label(scene, "a", value)
            await scene.plane.restart()
            await scene.admin.delete(CONFIG_MAPS, "a", scene.namespace)
            await put(scene, "b", k="x")
            told = [("", "")]
            while told[-1] != ("ADDED", "b"):
                change = await queue.get()
                told.append((change.type.value, change.object["metadata"]["name"]))
        assert told[1] == ("ADDED", "a")
        assert told[-2:] == [("DELETED", "a"), ("ADDED", "b")]
        with pytest.raises(Expired, match="too old resource version"):
            async with scene.admin.watch(
                CONFIG_MAPS, Selection(scene.namespace), resource_version=old, timeout_s=5
            ) as events:
                await anext(events)

    play(body)
