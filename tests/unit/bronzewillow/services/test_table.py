"""Services and EndpointSlices."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.services.names import ServiceName
from bronzewillow.services.table import ServiceTable

LLM = ServiceName("default", "llm")
SLICE_OF_LLM = {"namespace": "default", "labels": {"kubernetes.io/service-name": "llm"}}


def ip(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def ip_text(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


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


def test_a_headless_service_is_its_pods_by_any_port() -> None:
    """DNS gives their addresses, and asks for no port."""
    first = {**ONE, "hostname": "llm-0"}
    table = ServiceTable([service(cluster_ip="None")], [endpoint_slice(first, TWO)])
    for port in (8080, 9):
        found = table.named(LLM, "TCP", port)
        assert found is not None
        assert [(ip_text(one.address), one.port) for one in found.endpoints] == [
            ("10.244.1.5", port),
            ("10.244.2.5", port),
        ]


@pytest.mark.parametrize(("host", "address"), [("llm-0", "10.244.1.5"), ("10-244-2-5", "10.244.2.5")])
def test_a_pod_of_a_headless_service_has_its_own_name_or_its_address(host: str, address: str) -> None:
    table = ServiceTable([service(cluster_ip="None")], [endpoint_slice({**ONE, "hostname": "llm-0"}, TWO)])
    name = ServiceName("default", "llm", host)
    assert table.has(name)
    found = table.named(name, "TCP", 8080)
    assert found is not None
    assert [ip_text(one.address) for one in found.endpoints] == [address]


def test_who_has_a_name_is_not_called_by_address_and_other_services_have_no_pods_names() -> None:
    named = [endpoint_slice({**ONE, "hostname": "llm-0"})]
    for host, cluster_ip in (("10-244-1-5", "None"), ("llm-7", "None"), ("llm-0", "10.96.0.7")):
        name = ServiceName("default", "llm", host)
        table = ServiceTable([service(cluster_ip=cluster_ip)], named)
        assert not table.has(name)
        found = table.named(name, "TCP", 80)
        assert found is None or not found.endpoints


def test_a_headless_service_without_ports() -> None:
    bare = {**endpoint_slice(ONE), "ports": None}
    found = ServiceTable([service(cluster_ip="None", ports=None)], [bare]).named(LLM, "TCP", 80)
    assert found is not None
    assert [one.port for one in found.endpoints] == [80]


def test_each_cluster_ip_of_a_dual_stack_service_leads_to_its_own_family() -> None:
    six = {**ONE, "addresses": ["fd00:1::5"]}
    both = service(clusterIPs=["10.96.0.7", "fd96::7"])
    slices = [endpoint_slice(ONE), endpoint_slice(six)]
    table = ServiceTable([both], slices)
    for cluster_ip, pod in (("10.96.0.7", "10.244.1.5"), ("fd96::7", "fd00:1::5")):
        found = table.at(ip(cluster_ip), "TCP", 80)
        assert found is not None
        assert [ip_text(one.address) for one in found.endpoints] == [pod]
        assert table.is_service_address(ip(cluster_ip))
    assert table.named(LLM, "TCP", 80) == table.at(ip("10.96.0.7"), "TCP", 80)
    only_six = ServiceTable([both], slices[1:]).named(LLM, "TCP", 80)
    assert only_six is not None
    assert [ip_text(one.address) for one in only_six.endpoints] == ["fd00:1::5"]


def test_ports_lead_by_name_to_what_their_pods_have_for_it() -> None:
    """targetPort may be another number in each pod; a slice has what the name stands for."""
    old, new = endpoint_slice(ONE, port=8080), endpoint_slice(TWO, port=9090)
    found = ServiceTable([service()], [old, new]).named(LLM, "TCP", 80)
    assert found is not None
    assert [one.port for one in found.endpoints] == [8080, 9090]


def test_addresses_that_lead_outsiders_in_are_short_ways_for_who_is_inside() -> None:
    ingress = [{"ip": "203.0.113.9"}, {"ip": "203.0.113.10", "ipMode": "Proxy"}, {"hostname": "lb"}]
    balanced = {**service(externalIPs=["198.51.100.7"]), "status": {"loadBalancer": {"ingress": ingress}}}
    table = ServiceTable([balanced], [endpoint_slice(ONE)])
    inside = table.at(ip("10.96.0.7"), "TCP", 80)
    assert table.at(ip("203.0.113.9"), "TCP", 80) == table.at(ip("198.51.100.7"), "TCP", 80) == inside
    assert table.at(ip("203.0.113.10"), "TCP", 80) is None
    assert not table.is_service_address(ip("198.51.100.7"))


def test_hints_of_zones_and_nodes() -> None:
    hints = {"forZones": [{"name": "a"}], "forNodes": [{"name": "mac-1"}]}
    found = ServiceTable([service()], [endpoint_slice({**ONE, "hints": hints})]).named(LLM, "TCP", 80)
    assert found is not None
    assert found.endpoints[0].zones == frozenset({"a"})
    assert found.endpoints[0].nodes == frozenset({"mac-1"})


def test_where_dns_is_served() -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]
    dns = service("kube-dns", "10.96.0.10", ports=ports)
    dns["metadata"] |= {"namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
    of_dns = endpoint_slice(ONE, name="kube-dns")
    of_dns["metadata"]["namespace"] = "kube-system"
    of_dns["ports"] = [{"name": "dns", "port": 5353, "protocol": "UDP"}]
    table = ServiceTable([dns, service()], [of_dns, endpoint_slice(ONE)])
    assert table.dns == [(ip("10.244.1.5"), "UDP", 5353)]


def test_affinity_and_locality() -> None:
    spec: dict[str, Any] = {"sessionAffinity": "ClientIP", "internalTrafficPolicy": "Local"}
    port = ServiceTable([service(**spec)], []).named(LLM, "TCP", 80)
    assert port is not None
    assert (port.affinity_s, port.is_local) == (10_800, True)
    config: dict[str, Any] = {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}
    port = ServiceTable([service(**spec, **config)], []).named(LLM, "TCP", 80)
    assert port is not None
    assert port.affinity_s == 60


def test_an_external_name_is_another_name() -> None:
    table = ServiceTable([service(type="ExternalName", externalName="api.example.com")], [])
    assert table.has(LLM)
    assert table.alias(LLM) == "api.example.com"
    assert table.named(LLM, "TCP", 80) is None
    assert table.alias(ServiceName("default", "other")) == ""


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(_json, _json, _json)
def test_malformed_objects_are_passed_over(ports: Any, endpoints: Any, addresses: Any) -> None:
    broken = endpoint_slice({"addresses": addresses, "conditions": ports, "hints": endpoints})
    table = ServiceTable(
        [service(), service("b", ports=ports, externalIPs=addresses)], [{**broken, "ports": ports}, broken]
    )
    assert table.has(LLM)


def test_pieces_come_and_go() -> None:
    """Told one by one, a table is what one is that was told all at once."""
    table = ServiceTable()
    one, two = (
        {**endpoint_slice(it), "metadata": {**SLICE_OF_LLM, "name": f"s{n}"}}
        for n, it in enumerate((ONE, TWO))
    )
    table.put_slice(one)
    assert not table.has(LLM)
    table.put_service(service())
    table.put_slice(two)
    assert table.named(LLM, "TCP", 80) == ServiceTable([service()], [one, two]).named(LLM, "TCP", 80)
    table.drop_slice(one)
    table.put_slice({**two, "endpoints": [{**TWO, "addresses": ["10.244.3.5"]}]})
    found = table.at(ip("10.96.0.7"), "TCP", 80)
    assert found is not None
    assert [ip_text(e.address) for e in found.endpoints] == ["10.244.3.5"]
    table.put_service(service(cluster_ip="10.96.0.8"))
    assert table.at(ip("10.96.0.7"), "TCP", 80) is None
    assert not table.is_service_address(ip("10.96.0.7"))
    assert table.is_service_address(ip("10.96.0.8"))
    table.drop_service(service())
    assert not table.has(LLM)
    assert not table.is_service_address(ip("10.96.0.8"))
    table.drop_service(service())
    table.drop_slice(two)
    table.drop_slice(two)
    table.put_service(service())
    found = table.named(LLM, "TCP", 80)
    assert found is not None
    assert found.endpoints == ()


def test_of_two_that_claim_an_address_the_other_has_it_when_one_goes() -> None:
    first, second = (service(name, f"10.96.0.{n}", externalIPs=["192.0.2.9"]) for n, name in enumerate("ab"))
    table = ServiceTable([first, second])
    for service_, name in ((first, "b"), (second, "a")):
        table.drop_service(service_)
        found = table.at(ip("192.0.2.9"), "TCP", 80)
        assert found is not None
        assert found.service == name
        table.put_service(service_)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 4)), max_size=30))
def test_any_order_of_changes_ends_in_the_same_table(steps: list[tuple[int, int, int]]) -> None:
    table = ServiceTable()
    services: dict[str, dict[str, Any]] = {}
    slices: dict[str, dict[str, Any]] = {}
    for kind, which, value in steps:
        name = f"s{which}"
        one = service(name, f"10.96.0.{value}")
        piece = endpoint_slice({**ONE, "addresses": [f"10.244.1.{value}"]}, name=name)
        piece["metadata"]["name"] = name
        match kind:
            case 0:
                services[name] = one
                table.put_service(one)
            case 1:
                services.pop(name, None)
                table.drop_service(one)
            case 2:
                slices[name] = piece
                table.put_slice(piece)
            case 3:
                slices.pop(name, None)
                table.drop_slice(piece)
    whole = ServiceTable(services.values(), slices.values())
    for name in ("s0", "s1", "s2"):
        asked = ServiceName("default", name)
        assert table.named(asked, "TCP", 80) == whole.named(asked, "TCP", 80)
    for value in range(1, 5):
        address = ip(f"10.96.0.{value}")
        assert table.is_service_address(address) == whole.is_service_address(address)
        assert (table.at(address, "TCP", 80) is None) == (whole.at(address, "TCP", 80) is None)
