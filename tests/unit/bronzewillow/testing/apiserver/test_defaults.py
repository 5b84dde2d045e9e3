from __future__ import annotations

import pytest

from bronzewillow.kube.resources import LEASES, NAMESPACES, NODES, SECRETS, SERVICES
from bronzewillow.testing.apiserver.calls import ANONYMOUS, Call
from bronzewillow.testing.apiserver.defaults import validate_lease
from bronzewillow.testing.apiserver.kinds import Kind
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.server import ApiServer


def test_a_new_node_is_not_ready(server: ApiServer) -> None:
    node = server.make(
        NODES, {"metadata": {"name": "a"}, "spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}}
    )
    assert [taint["key"] for taint in node["spec"]["taints"]] == ["x", "node.kubernetes.io/not-ready"]


def test_services_have_addresses_of_their_own(server: ApiServer) -> None:
    made = [
        server.make(
            SERVICES, {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": [{"port": 80}]}}
        )
        for name in ("a", "b")
    ]
    assert [service["spec"]["clusterIP"] for service in made] == ["10.96.0.2", "10.96.0.3"]
    assert made[0]["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]


def test_headless_services_have_none(server: ApiServer) -> None:
    spec = {"clusterIP": "None", "ports": [{"port": 80, "targetPort": 8080}]}
    made = server.make(SERVICES, {"metadata": {"name": "h", "namespace": "default"}, "spec": spec})
    assert made["spec"]["clusterIP"] == "None"


def test_secrets_are_base64(server: ApiServer) -> None:
    made = server.make(SECRETS, {"metadata": {"name": "s", "namespace": "default"}, "stringData": {"a": "b"}})
    assert (made["data"], made["type"], "stringData" in made) == ({"a": "Yg=="}, "Opaque", False)


def test_a_new_namespace_gets_what_pods_need(server: ApiServer) -> None:
    server.make(NAMESPACES, {"metadata": {"name": "n"}})
    names = {
        obj["metadata"]["name"]
        for resource in server.store.resources()
        for obj in server.store.list(resource, "n")
    }
    assert names == {"default", "kube-root-ca.crt"}


def test_leases() -> None:
    call = Call(ANONYMOUS, "create", kind=Kind(LEASES))
    validate_lease(call, {"metadata": {"name": "a"}, "spec": {"leaseDurationSeconds": 40}})
    with pytest.raises(Refused, match="must be greater than 0"):
        validate_lease(call, {"metadata": {"name": "a"}, "spec": {"leaseDurationSeconds": 0}})
