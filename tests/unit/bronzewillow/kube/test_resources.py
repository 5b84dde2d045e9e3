from __future__ import annotations

from bronzewillow.kube.resources import (
    LEASES,
    NODES,
    PODS,
    Resource,
    name_of,
    resource_version_of,
    uid_of,
)


def test_paths() -> None:
    assert PODS.path() == "/api/v1/pods"
    assert PODS.path("default") == "/api/v1/namespaces/default/pods"
    assert PODS.path("default", "a", "status") == "/api/v1/namespaces/default/pods/a/status"
    assert LEASES.path("n", "a") == "/apis/coordination.k8s.io/v1/namespaces/n/leases/a"
    assert NODES.path("ignored", "mac-1") == "/api/v1/nodes/mac-1"


def test_names_cannot_leave_their_place() -> None:
    assert NODES.path("", "../x?y#z") == "/api/v1/nodes/..%2Fx%3Fy%23z"


def test_a_kind_of_a_crd() -> None:
    pools = Resource("crd.example", "v1", "ippools", "IPPool", namespaced=False)
    assert pools.path("", "a") == "/apis/crd.example/v1/ippools/a"
    assert pools.api_version == "crd.example/v1"


def test_what_an_object_says_of_itself() -> None:
    obj = {"metadata": {"name": "a", "uid": "u", "resourceVersion": "7"}}
    assert (uid_of(obj), name_of(obj), resource_version_of(obj)) == ("u", ("", "a"), "7")
    assert resource_version_of({}) == ""
