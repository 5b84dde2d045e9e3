"""Services and EndpointSlices."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.services.names import ServiceName
from bronzewillow.services.table import ServiceTable

LLM = ServiceName("default", "llm")


def ip(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def service(name: str = "llm", cluster_ip: str = "10.96.0.7", **spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "metrics", "port": 9000}]
    return {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "ports": ports, **spec},
    }


def endpoint_slice(*endpoints: dict[str, Any], name: str = "llm", port: int = 8080) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


ONE = {"addresses": ["10.244.1.5"], "conditions": {"ready": True}, "nodeName": "worker-1"}
TWO = {"addresses": ["10.244.2.5"], "conditions": {"ready": False, "serving": True, "terminating": True}}


def test_a_service_by_address_and_by_name() -> None:
    table = ServiceTable([service()], [endpoint_slice(ONE, TWO)])
    port = table.at(ip("10.96.0.7"), "TCP", 80)
    assert port is not None
    assert port == table.named(LLM, "TCP", 80)
    assert [(one.address, one.port, one.is_ready, one.is_terminating) for one in port.endpoints] == [
        (ip("10.244.1.5"), 8080, True, False),
        (ip("10.244.2.5"), 8080, False, True),
    ]
    assert table.at(ip("10.96.0.7"), "UDP", 80) is None
    assert table.at(ip("10.96.0.8"), "TCP", 80) is None
    assert table.is_service_address(ip("10.96.0.7"))
    assert not table.is_service_address(ip("10.96.0.8"))
    metrics = table.named(LLM, "TCP", 9000)
    assert metrics is not None
    assert metrics.endpoints == ()


def test_slices_are_added_up_and_repeat_themselves() -> None:
    table = ServiceTable([service()], [endpoint_slice(ONE), endpoint_slice(TWO), endpoint_slice(ONE)])
    port = table.named(LLM, "TCP", 80)
    assert port is not None
    assert len(port.endpoints) == 2


def test_a_headless_service_is_its_pods_and_their_port() -> None:
    first = {**ONE, "hostname": "llm-0"}
    table = ServiceTable([service(cluster_ip="None")], [endpoint_slice(first, TWO)])
    port = table.named(LLM, "TCP", 8080)
    assert port is not None
    assert len(port.endpoints) == 2
    one = table.named(ServiceName("default", "llm", "llm-0"), "TCP", 8080)
    assert one is not None
    assert [found.hostname for found in one.endpoints] == ["llm-0"]
    assert table.named(ServiceName("default", "llm", "llm-7"), "TCP", 8080) is None


def test_affinity_and_locality() -> None:
    spec: dict[str, Any] = {"sessionAffinity": "ClientIP", "internalTrafficPolicy": "Local"}
    port = ServiceTable([service(**spec)], []).named(LLM, "TCP", 80)
    assert port is not None
    assert (port.affinity_s, port.is_local) == (10_800, True)
    config: dict[str, Any] = {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}
    port = ServiceTable([service(**spec, **config)], []).named(LLM, "TCP", 80)
    assert port is not None
    assert port.affinity_s == 60


def test_an_external_name_is_none_of_ours() -> None:
    assert not ServiceTable([service(type="ExternalName")], []).has(LLM)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(_json, _json, _json)
def test_malformed_objects_are_passed_over(ports: Any, endpoints: Any, addresses: Any) -> None:
    broken = endpoint_slice({"addresses": addresses, "conditions": ports, "hints": endpoints})
    table = ServiceTable([service(), service("b", ports=ports)], [{**broken, "ports": ports}, broken])
    assert table.has(LLM)
