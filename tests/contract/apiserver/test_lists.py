"""Lists: pages, selectors, versions."""

from __future__ import annotations

import pytest

from bronzewillow.kube.client import Selection
from bronzewillow.kube.errors import BadRequest, StatusError, Unavailable
from bronzewillow.kube.resources import CONFIG_MAPS, PODS, Object

from .conftest import Play
from .scene import Scene

pytestmark = pytest.mark.loopback
MINE = "kind=mine"


async def fill(scene: Scene, *names: str) -> None:
    for name in names:
        metadata = {"name": name, "namespace": scene.namespace, "labels": {"name": name, "kind": "mine"}}
        await scene.admin.create(CONFIG_MAPS, {"metadata": metadata})


def names(page: Object) -> list[str]:
    return [item["metadata"]["name"] for item in page["items"]]


def test_pages_show_one_moment(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await fill(scene, "a", "b", "d")
        selection = Selection(scene.namespace, labels=MINE)
        first = await scene.admin.list(CONFIG_MAPS, selection, limit=2)
        await fill(scene, "c")
        token = first["metadata"]["continue"]
        second = await scene.admin.list(CONFIG_MAPS, selection, limit=2, token=token)
        assert names(first) + names(second) == ["a", "b", "d"]
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
        assert "remainingItemCount" not in first["metadata"]  # nobody counts what is selected
        assert not second["metadata"].get("continue")

    play(body)


def test_a_version_of_zero_is_all_in_one(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await fill(scene, "a", "b")
        page = await scene.admin.list(
            CONFIG_MAPS, Selection(scene.namespace, labels=MINE), limit=1, resource_version="0"
        )
        assert names(page) == ["a", "b"]
        assert not page["metadata"].get("continue")

    play(body)


def test_selectors(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await fill(scene, "a", "b", "c")

        async def found(fields: str = "", labels: str = "") -> list[str]:
            return names(
                await scene.admin.list(CONFIG_MAPS, Selection(scene.namespace, fields, labels or MINE))
            )

        assert await found("metadata.name=b") == ["b"]
        assert await found("metadata.name!=b,metadata.name!=a") == ["c"]
        assert await found(labels="name in (a,c)") == ["a", "c"]
        assert await found(labels="name notin (a),kind==mine") == ["b", "c"]
        assert await found(labels="kind,name!=a,!gone") == ["b", "c"]
        assert await found("metadata.name=b", "name=a") == []

    play(body)


@pytest.mark.parametrize(("fields", "labels"), [("data.k=v", ""), ("nonsense", ""), ("", "a in b")])
def test_selectors_that_are_none(play: Play, fields: str, labels: str) -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(BadRequest):
            await scene.admin.list(CONFIG_MAPS, Selection(scene.namespace, fields, labels))

    play(body)


def test_a_version_from_the_future(play: Play) -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(Unavailable, match="Too large resource version: 999999999, current:") as caught:
            await scene.admin.list(PODS, Selection(scene.namespace), resource_version="999999999")
        assert caught.value.code == 504
        causes = [cause["reason"] for cause in caught.value.details["causes"]]
        assert "ResourceVersionTooLarge" in causes
        with pytest.raises(StatusError):
            await scene.admin.list(PODS, Selection(scene.namespace), resource_version="nonsense")

    play(body)
