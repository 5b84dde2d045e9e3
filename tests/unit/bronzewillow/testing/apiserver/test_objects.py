from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.kube.client import PatchType
from bronzewillow.kube.resources import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    LEASES,
    NODES,
    Object,
    Resource,
)
from bronzewillow.testing.apiserver.calls import Call, User, parse_call
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.server import ApiServer

ADMIN = User("admin", ("system:masters",))
DEFINITION = {
    "metadata": {"name": "pools.x.example"},
    "spec": {
        "group": "x.example",
        "scope": "Cluster",
        "names": {"plural": "pools", "kind": "Pool"},
        "versions": [{"name": "v1", "served": True, "subresources": {"status": {}}}],
    },
}
POOLS = Resource("x.example", "v1", "pools", "Pool", namespaced=False)


def call(server: ApiServer, method: str, resource: Resource, name: str = "", subresource: str = "") -> Call:
    namespace = "default" if resource.namespaced else ""
    return parse_call(server.kinds, ADMIN, method, resource.path(namespace, name, subresource), {})


def config_map(server: ApiServer, **more: Any) -> Object:
    return server.make(
        CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "default"}, "data": {"k": "v"}, **more}
    )


def test_made_objects_have_what_the_server_gives(server: ApiServer) -> None:
    found = config_map(server)
    assert (found["kind"], found["apiVersion"]) == ("ConfigMap", "v1")
    assert found["metadata"]["creationTimestamp"] == "2025-01-01T00:00:00Z"
    assert server.objects.get(call(server, "GET", CONFIG_MAPS, "a")) == found


def test_names_are_taken_or_generated(server: ApiServer) -> None:
    config_map(server)
    with pytest.raises(Refused, match='configmaps "a" already exists'):
        config_map(server)
    made = server.make(CONFIG_MAPS, {"metadata": {"generateName": "p-", "namespace": "default"}})
    assert made["metadata"]["name"].startswith("p-")
    with pytest.raises(Refused, match="name or generateName is required"):
        server.make(CONFIG_MAPS, {"metadata": {"namespace": "default"}})


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"name": "a", "namespace": "other"}},
        {"metadata": {"name": "a", "resourceVersion": "1"}},
        {"metadata": {"name": "a"}, "kind": "Secret"},
        {"metadata": []},
    ],
)
def test_what_cannot_be_made(server: ApiServer, body: Object) -> None:
    with pytest.raises(Refused):
        server.objects.create(call(server, "POST", CONFIG_MAPS), body)


def test_a_namespace_must_be_there(server: ApiServer) -> None:
    with pytest.raises(Refused, match='namespaces "gone" not found'):
        server.make(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "gone"}})


def test_what_changes_nothing_is_no_write(server: ApiServer) -> None:
    found = config_map(server)
    before = server.store.version
    assert server.objects.update(call(server, "PUT", CONFIG_MAPS, "a"), found) == found
    server.objects.patch(call(server, "PATCH", CONFIG_MAPS, "a"), {"data": {"k": "v"}}, PatchType.MERGE.value)
    assert server.store.version == before


def test_a_lease_is_made_by_put(server: ApiServer) -> None:
    lease = {"metadata": {"name": "l", "namespace": "default"}, "spec": {}}
    made = server.objects.update(call(server, "PUT", LEASES, "l"), lease)
    assert made["metadata"]["uid"]
    with pytest.raises(Refused, match='configmaps "c" not found'):
        server.objects.update(call(server, "PUT", CONFIG_MAPS, "c"), {"metadata": {"name": "c"}})
    with pytest.raises(Refused, match="does not match the name on the URL"):
        server.objects.update(call(server, "PUT", LEASES, "l"), {"metadata": {"name": "m"}})


def test_patches(server: ApiServer) -> None:
    config_map(server)
    patching = call(server, "PATCH", CONFIG_MAPS, "a")
    operations = [{"op": "add", "path": "/data/x", "value": "y"}]
    assert server.objects.patch(patching, operations, PatchType.JSON.value)["data"] == {"k": "v", "x": "y"}
    assert server.objects.patch(patching, {"data": {"x": None}}, PatchType.MERGE.value)["data"] == {"k": "v"}
    with pytest.raises(Refused, match="rejected our request"):
        server.objects.patch(patching, [{"op": "remove", "path": "/no"}], PatchType.JSON.value)
    with pytest.raises(Refused, match="leaves no object"):
        server.objects.patch(patching, [{"op": "remove", "path": "/metadata"}], PatchType.JSON.value)
    with pytest.raises(Refused, match="accepted media types"):
        server.objects.patch(patching, {}, "application/apply-patch+yaml")


def test_kinds_of_definitions(server: ApiServer) -> None:
    server.make(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    made = server.make(POOLS, {"metadata": {"name": "a"}, "spec": {"x": 1}, "status": {"y": 1}})
    assert "status" not in made
    status = call(server, "PATCH", POOLS, "a", "status")
    assert server.objects.patch(status, {"status": {"y": 2}}, PatchType.MERGE.value)["status"] == {"y": 2}
    with pytest.raises(Refused) as caught:
        server.objects.patch(status, {}, PatchType.STRATEGIC.value)
    assert caught.value.code == 415


def test_deleting(server: ApiServer) -> None:
    server.make(NODES, {"metadata": {"name": "a", "finalizers": ["x"]}})
    deleting = call(server, "DELETE", NODES, "a")
    marked = server.objects.delete(deleting, {})
    assert marked["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": None}}
    server.objects.patch(call(server, "PATCH", NODES, "a"), patch, PatchType.MERGE.value)
    with pytest.raises(Refused, match="not found"):
        server.objects.delete(deleting, {})
    config_map(server)
    answer = server.objects.delete(call(server, "DELETE", CONFIG_MAPS, "a"), {})
    assert (answer["kind"], answer["status"], answer["details"]["name"]) == ("Status", "Success", "a")
