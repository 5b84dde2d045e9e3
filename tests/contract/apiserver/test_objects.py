"""Writing and reading objects of any kind."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.kube.client import PatchType
from bronzewillow.kube.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    StatusError,
    Unavailable,
)
from bronzewillow.kube.resources import CONFIG_MAPS, LEASES, NODES, Object, Resource

from .conftest import Play
from .scene import Scene

pytestmark = pytest.mark.loopback


def config_map(scene: Scene, name: str = "a", **more: Any) -> Object:
    return {"metadata": {"name": name, "namespace": scene.namespace}, "data": {"k": "v"}, **more}


def lease(scene: Scene, **spec: Any) -> Object:
    return {"metadata": {"name": "l", "namespace": scene.namespace}, "spec": {"holderIdentity": "a", **spec}}


def version(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])


def test_what_the_server_gives_a_new_object(play: Play) -> None:
    async def body(scene: Scene) -> None:
        made = await scene.admin.create(CONFIG_MAPS, config_map(scene))
        metadata = made["metadata"]
        assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
        assert metadata["uid"]
        assert metadata["creationTimestamp"].endswith("Z")
        assert "generation" not in metadata
        found = await scene.admin.get(CONFIG_MAPS, "a", scene.namespace)
        assert found["metadata"]["uid"] == metadata["uid"]

    play(body)


def test_names(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.admin.create(CONFIG_MAPS, config_map(scene))
        with pytest.raises(AlreadyExists, match='configmaps "a" already exists'):
            await scene.admin.create(CONFIG_MAPS, config_map(scene))
        metadata = {"generateName": "p-", "namespace": scene.namespace}
        made = await scene.admin.create(CONFIG_MAPS, {"metadata": metadata})
        assert len(made["metadata"]["name"]) == len("p-") + 5
        with pytest.raises(Invalid, match="name or generateName is required"):
            await scene.admin.create(CONFIG_MAPS, {"metadata": {"namespace": scene.namespace}})
        with pytest.raises(NotFound, match='configmaps "b" not found'):
            await scene.admin.get(CONFIG_MAPS, "b", scene.namespace)
        with pytest.raises(NotFound, match='namespaces "gone-for-good" not found'):
            await scene.admin.create(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "gone-for-good"}})

    play(body)


def test_bodies_that_do_not_fit(play: Play) -> None:
    async def body(scene: Scene) -> None:
        path = CONFIG_MAPS.path(scene.namespace)
        with pytest.raises(BadRequest):
            await scene.admin.request("POST", path, body={"metadata": {"name": "a", "namespace": "other"}})
        with pytest.raises(BadRequest):
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
            await scene.admin.request("POST", path, body=secret)
        with pytest.raises(Unavailable, match="resourceVersion should not be set"):
            made = config_map(scene)
            made["metadata"]["resourceVersion"] = "7"
            await scene.admin.create(CONFIG_MAPS, made)
        with pytest.raises(NotFound, match="could not find the requested resource"):
            await scene.admin.list(Resource("", "v1", "things", "Thing"))
        with pytest.raises(NotFound, match="answered 404"):  # and that is no Status
            await scene.admin.list(Resource("nobody.example", "v1", "things", "Thing"))

    play(body)


def test_updates_compare_versions(play: Play) -> None:
    async def body(scene: Scene) -> None:
        first = await scene.admin.create(CONFIG_MAPS, config_map(scene))
        second = await scene.admin.replace(CONFIG_MAPS, {**first, "data": {"k": "w"}})
        assert version(second) != version(first)
        with pytest.raises(Conflict, match=r'fulfilled on configmaps "a": the object has been modified'):
            await scene.admin.replace(CONFIG_MAPS, {**first, "data": {"k": "x"}})
        same = await scene.admin.replace(CONFIG_MAPS, second)
        assert version(same) == version(second)
        blind = await scene.admin.replace(CONFIG_MAPS, config_map(scene, data={"k": "y"}))
        assert blind["data"] == {"k": "y"}
        stale = {"metadata": {"resourceVersion": version(first)}, "data": {"k": "z"}}
        with pytest.raises(Conflict, match="the object has been modified"):
            await scene.admin.patch(CONFIG_MAPS, "a", stale, scene.namespace)

    play(body)


def test_updates_compare_uids(play: Play) -> None:
    async def body(scene: Scene) -> None:
        made = await scene.admin.create(CONFIG_MAPS, config_map(scene))
        other = {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}}
        with pytest.raises(Invalid, match=r"metadata.uid: Invalid value: .*: field is immutable"):
            await scene.admin.patch(CONFIG_MAPS, "a", other, scene.namespace)
        with pytest.raises(Conflict, match="Precondition failed: UID in precondition"):
            await scene.admin.replace(
                CONFIG_MAPS, {**made, "metadata": {**made["metadata"], **other["metadata"]}}
            )
        with pytest.raises(Conflict, match="the UID in the precondition"):
            await scene.admin.delete(CONFIG_MAPS, "a", scene.namespace, uid=other["metadata"]["uid"])
        with pytest.raises(Conflict, match="the ResourceVersion in the precondition"):
            await scene.admin.delete(CONFIG_MAPS, "a", scene.namespace, resource_version="1")
        answer = await scene.admin.delete(
            CONFIG_MAPS, "a", scene.namespace, uid=made["metadata"]["uid"], resource_version=version(made)
        )
        assert (answer["kind"], answer["status"]) == ("Status", "Success")
        assert answer["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}

    play(body)


def test_leases_are_made_by_put_and_say_their_version(play: Play) -> None:
    async def body(scene: Scene) -> None:
        made = await scene.admin.replace(LEASES, lease(scene, leaseDurationSeconds=40))
        assert made["metadata"]["uid"]
        with pytest.raises(Invalid, match=r"metadata.resourceVersion: Invalid value: .*must be specified"):
            await scene.admin.replace(LEASES, lease(scene))
        with pytest.raises(Invalid, match=r"spec.leaseDurationSeconds: Invalid value: 0: must be greater"):
            await scene.admin.patch(LEASES, "l", {"spec": {"leaseDurationSeconds": 0}}, scene.namespace)
        with pytest.raises(NotFound, match='configmaps "a" not found'):
            await scene.admin.replace(CONFIG_MAPS, config_map(scene))

    play(body)


def test_three_kinds_of_patches(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.admin.create(CONFIG_MAPS, config_map(scene))

        async def patch(change: object, kind: PatchType) -> object:
            answer = await scene.admin.patch(CONFIG_MAPS, "a", change, scene.namespace, type=kind)
            return answer.get("data")

        assert await patch({"data": {"x": "y"}}, PatchType.MERGE) == {"k": "v", "x": "y"}
        assert await patch({"data": {"x": None}}, PatchType.STRATEGIC) == {"k": "v"}
        assert await patch([{"op": "add", "path": "/data/z", "value": "1"}], PatchType.JSON) == {
            "k": "v",
            "z": "1",
        }
        assert await patch([{"op": "test", "path": "/data/z", "value": "1"}], PatchType.JSON) == {
            "k": "v",
            "z": "1",
        }
        for wrong in (
            [{"op": "test", "path": "/data/z", "value": "2"}],
            [{"op": "remove", "path": "/data/no"}],
        ):
            with pytest.raises(Invalid, match="rejected our request"):
                await patch(wrong, PatchType.JSON)
        assert await patch({"data": None}, PatchType.MERGE) is None
        with pytest.raises(NotFound):
            await scene.admin.patch(CONFIG_MAPS, "b", {}, scene.namespace)

    play(body)


def test_finalizers_hold_an_object(play: Play) -> None:
    async def body(scene: Scene) -> None:
        made = config_map(scene)
        made["metadata"]["finalizers"] = ["example.dev/hold"]
        await scene.admin.create(CONFIG_MAPS, made)
        marked = await scene.admin.delete(CONFIG_MAPS, "a", scene.namespace)
        assert marked["metadata"]["deletionTimestamp"]
        again = await scene.admin.delete(CONFIG_MAPS, "a", scene.namespace)
        assert again["metadata"]["deletionTimestamp"] == marked["metadata"]["deletionTimestamp"]
        freed = {"metadata": {"finalizers": None}}
        await scene.admin.patch(CONFIG_MAPS, "a", freed, scene.namespace, type=PatchType.MERGE)
        with pytest.raises(NotFound):
            await scene.admin.get(CONFIG_MAPS, "a", scene.namespace)

    play(body)


def test_media_types(play: Play) -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(StatusError) as caught:
            await scene.admin.request("POST", NODES.path(), body={}, content_type="text/plain")
        assert (caught.value.code, caught.value.reason) == (415, "UnsupportedMediaType")
        with pytest.raises(BadRequest):
            await scene.admin.request("POST", NODES.path(), body=[])

    play(body)
