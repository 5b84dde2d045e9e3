from __future__ import annotations

from datetime import timedelta
from typing import Any

from bronzewillow.kube.client import PatchType
from bronzewillow.kube.resources import ENDPOINT_SLICES, LEASES, NODES, PODS, SERVICES, Object, Resource
from bronzewillow.kube.times import emit_micro_time, emit_time
from bronzewillow.testing.apiserver.calls import User, parse_call
from bronzewillow.testing.apiserver.server import ApiServer

ADMIN = User("admin", ("system:masters",))


def set_status(server: ApiServer, resource: Resource, name: str, status: Object) -> None:
    path = resource.path("default", name, "status")
    call = parse_call(server.kinds, ADMIN, "PATCH", path, {})
    server.objects.patch(call, {"status": status}, PatchType.STRATEGIC.value)
    server.controllers.settle()


def get(server: ApiServer, resource: Resource, name: str, namespace: str = "") -> Object:
    found = server.store.get(resource, namespace, name)
    assert found is not None
    return found


def ready(server: ApiServer, clock: Any, status: str = "True") -> None:
    condition = {"type": "Ready", "status": status, "lastHeartbeatTime": emit_time(clock.now)}
    set_status(server, NODES, "mac", {"conditions": [condition]})


def taints(server: ApiServer) -> list[tuple[str, str]]:
    found = get(server, NODES, "mac")["spec"].get("taints") or []
    return [(taint["key"].rpartition("/")[2], taint["effect"]) for taint in found]


def node(server: ApiServer, **labels: str) -> None:
    server.make(NODES, {"metadata": {"name": "mac", "labels": labels}})


def pod(server: ApiServer, name: str = "a", **spec: Any) -> None:
    metadata = {"name": name, "namespace": "default", "labels": {"app": "llm"}}
    containers = [{"name": "c", "image": "i"}]
    server.make(PODS, {"metadata": metadata, "spec": {"containers": containers, **spec}})


def test_a_node_that_is_ready_loses_the_taint_and_has_a_pod_cidr(server: ApiServer, clock: Any) -> None:
    node(server)
    ready(server, clock, "False")
    assert taints(server) == [("not-ready", "NoSchedule"), ("not-ready", "NoExecute")]
    assert get(server, NODES, "mac")["spec"]["podCIDR"] == "10.244.0.0/24"
    ready(server, clock)
    assert taints(server) == []
    ready(server, clock, "False")
    assert taints(server) == [("not-ready", "NoSchedule"), ("not-ready", "NoExecute")]


def test_a_node_that_is_silent_is_unknown(server: ApiServer, clock: Any) -> None:
    node(server)
    ready(server, clock)
    pod(server)
    set_status(server, PODS, "a", {"conditions": [{"type": "Ready", "status": "True"}]})
    clock.now += timedelta(seconds=45)
    lease = {
        "metadata": {"name": "mac", "namespace": "kube-node-lease"},
        "spec": {"renewTime": emit_micro_time(clock.now)},
    }
    server.make(LEASES, lease)
    clock.now += timedelta(seconds=45)
    server.controllers.find_lost_nodes()
    assert taints(server) == []
    clock.now += timedelta(seconds=6)
    server.controllers.find_lost_nodes()
    assert taints(server) == [("unreachable", "NoSchedule"), ("unreachable", "NoExecute")]
    conditions = {c["type"]: c["status"] for c in get(server, PODS, "a", "default")["status"]["conditions"]}
    assert conditions["Ready"] == "False"


def test_pods_go_where_they_fit(server: ApiServer, clock: Any) -> None:
    pod(server, nodeSelector={"kubernetes.io/os": "darwin"})
    pod(server, "b", nodeSelector={"kubernetes.io/os": "linux"})
    node(server, **{"kubernetes.io/os": "darwin"})
    ready(server, clock)
    assert get(server, PODS, "a", "default")["spec"]["nodeName"] == "mac"
    assert "nodeName" not in get(server, PODS, "b", "default")["spec"]


def test_tolerations(server: ApiServer) -> None:
    server.make(
        NODES,
        {
            "metadata": {"name": "mac"},
            "spec": {"taints": [{"key": "llm", "value": "only", "effect": "NoSchedule"}]},
        },
    )
    everything = {"operator": "Exists"}
    exact = {"key": "llm", "value": "only", "effect": "NoSchedule"}
    not_ready = {"key": "node.kubernetes.io/not-ready", "operator": "Exists"}
    pod(server, "a", tolerations=[everything])
    pod(server, "b", tolerations=[exact, not_ready])
    pod(server, "c", tolerations=[{**exact, "value": "other"}, not_ready])
    bound = {p["metadata"]["name"] for p in server.store.list(PODS) if p["spec"].get("nodeName")}
    assert bound == {"a", "b"}


def test_endpoints_follow_pods(server: ApiServer) -> None:
    spec = {"selector": {"app": "llm"}, "ports": [{"port": 80, "targetPort": 8080}]}
    server.make(SERVICES, {"metadata": {"name": "s", "namespace": "default"}, "spec": spec})
    pod(server)
    [slice_] = server.store.list(ENDPOINT_SLICES)
    assert slice_["endpoints"] == []
    set_status(
        server, PODS, "a", {"podIP": "10.244.0.5", "conditions": [{"type": "Ready", "status": "True"}]}
    )
    [slice_] = server.store.list(ENDPOINT_SLICES)
    assert slice_["endpoints"][0]["addresses"] == ["10.244.0.5"]
    assert slice_["endpoints"][0]["conditions"]["ready"] is True
    assert slice_["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    set_status(server, PODS, "a", {"phase": "Failed"})
    [slice_] = server.store.list(ENDPOINT_SLICES)
    assert slice_["endpoints"] == []
