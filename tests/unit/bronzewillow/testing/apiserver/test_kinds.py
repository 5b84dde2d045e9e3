from __future__ import annotations

from bronzewillow.kube.resources import PODS
from bronzewillow.testing.apiserver.kinds import Kinds, custom_kinds

DEFINITION = {
    "metadata": {"name": "pools.x.example"},
    "spec": {
        "group": "x.example",
        "scope": "Cluster",
        "names": {"plural": "pools", "kind": "Pool"},
        "versions": [
            {"name": "v1", "served": True, "subresources": {"status": {}}},
            {"name": "v0", "served": False},
        ],
    },
}


def test_what_is_built_in() -> None:
    found = Kinds().find("", "v1", "pods")
    assert found is not None
    assert (found.resource, found.has_status, found.is_custom) == (PODS, True, False)
    assert Kinds().find("", "v2", "pods") is None


def test_definitions_bring_kinds_and_take_them_away() -> None:
    kinds = Kinds()
    kinds.learn([DEFINITION])
    found = kinds.find("x.example", "v1", "pools")
    assert found is not None
    assert (found.has_status, found.is_custom, found.resource.namespaced) == (True, True, False)
    assert len(custom_kinds(DEFINITION)) == 1
    kinds.learn([])
    assert kinds.find("x.example", "v1", "pools") is None


def test_discovery() -> None:
    kinds = Kinds()
    names = [resource["name"] for resource in kinds.discovery("", "v1")["resources"]]
    assert {"pods", "pods/status", "nodes", "secrets"} <= {*names}
    groups = [group["name"] for group in kinds.groups()["groups"]]
    assert "coordination.k8s.io" in groups
    assert "" not in groups
