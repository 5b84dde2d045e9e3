"""What is kept of large objects, and what therefore is no change."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.cluster.trim import is_same, trim_of
from bronzewillow.kube import resources
from bronzewillow.kube.resources import Object, Resource

META: dict[str, Any] = {
    "name": "a",
    "namespace": "d",
    "uid": "u",
    "resourceVersion": "7",
    "labels": {"x": "y"},
}


def obj(**fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "K", "metadata": {**META, "ownerReferences": [1]}, **fields}


def test_a_node_is_its_ranges_its_addresses_and_its_annotations() -> None:
    node = obj(
        spec={"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"], "taints": [1]},
        status={"addresses": [{"type": "InternalIP"}], "images": [1] * 50, "conditions": [1]},
    )
    node["metadata"]["annotations"] = {"k": "v"}
    assert trim_of(resources.NODES)(node) == {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {**META, "annotations": {"k": "v"}},
        "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]},
        "status": {"addresses": [{"type": "InternalIP"}]},
    }


def test_a_pod_is_where_it_is_and_what_its_ports_are_called() -> None:
    ports = [{"name": "http", "containerPort": 8080}]
    pod = obj(
        spec={"nodeName": "w", "containers": [{"name": "c", "image": "i", "ports": ports}], "volumes": [1]},
        status={"phase": "Running", "podIP": "10.1.0.2", "conditions": [1]},
    )
    assert trim_of(resources.PODS)(pod) == {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": META,
        "spec": {"nodeName": "w", "containers": [{"ports": ports}]},
        "status": {"phase": "Running", "podIP": "10.1.0.2"},
    }


def test_an_endpoint_is_known_without_its_pod() -> None:
    one = {"addresses": ["10.1.0.2"], "conditions": {"ready": True}, "nodeName": "w"}
    found = trim_of(resources.ENDPOINT_SLICES)(obj(ports=[1], endpoints=[{**one, "targetRef": {"uid": "u"}}]))
    assert (found["ports"], found["endpoints"]) == ([1], [one])


@pytest.mark.parametrize(
    "resource", [resources.NODES, resources.PODS, resources.SERVICES, resources.ENDPOINT_SLICES]
)
@pytest.mark.parametrize("wrong", [None, 1, [], {"containers": 1}, {"containers": [1]}])
def test_what_is_malformed_becomes_little(resource: Resource, wrong: Any) -> None:
    found = trim_of(resource)(obj(spec=wrong, status=wrong, endpoints=wrong))
    assert found["metadata"]["uid"] == "u"


def test_other_kinds_stay_whole() -> None:
    config = obj(data={"a": "b"})
    assert trim_of(resources.CONFIG_MAPS)(config) is config


def test_only_another_version_is_no_change() -> None:
    a = obj(spec={"x": 1})
    assert is_same(a, {**a, "metadata": {**a["metadata"], "resourceVersion": "8"}})
    assert not is_same(a, {**a, "metadata": {**a["metadata"], "labels": {}}})
    assert not is_same(a, {**a, "spec": {"x": 2}})
    assert not is_same(a, {**a, "data": {}})
