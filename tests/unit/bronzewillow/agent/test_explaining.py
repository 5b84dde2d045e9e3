"""Which ends a question means, and what is answered."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from bronzewillow.agent.explaining import Answer, Known, Unknown, answer
from bronzewillow.policy.world import PolicyPod, World
from bronzewillow.services.table import ServiceTable


def ip(text: str) -> bytes:
    return ip_address(text).packed


CLIENT = PolicyPod("default", "client", {"app": "client"}, (ip("10.244.1.9"), ip("fd00:1::9")))
LLM = PolicyPod("default", "llm", {"app": "llm"}, (), (("http", "TCP", 8080),))
OTHER = PolicyPod("team", "six", {}, (ip("fd00:1::6"),))
SPEC = {
    "podSelector": {"matchLabels": {"app": "llm"}},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}], "ports": [{"port": "http"}]}],
}
POLICY = {"metadata": {"namespace": "default", "name": "clients"}, "spec": SPEC}
SERVICE: dict[str, Any] = {
    "metadata": {"namespace": "default", "name": "llm"},
    "spec": {"clusterIP": "10.96.0.7", "ports": [{"port": 80}]},
}
SLICE: dict[str, Any] = {
    "metadata": {"namespace": "default", "labels": {"kubernetes.io/service-name": "llm"}},
    "ports": [{"port": 8080}],
    "endpoints": [{"addresses": ["10.244.7.9"]}, {"addresses": ["10.244.1.8"]}],
}
KNOWN = Known(
    lambda: World((CLIENT, LLM, OTHER), {}, (POLICY,)),
    {ip("10.244.7.9"): "default/llm"},
    (ip("10.244.7.1"), ip("192.0.2.2")),
    ServiceTable([SERVICE], [SLICE]),
)


def asked(source: str, destination: str, port: str = "8080", protocol: str = "TCP") -> Answer:
    return answer(KNOWN, source, destination, port, protocol)


@pytest.mark.parametrize("source", ["default/client", "10.244.1.9", "host", "192.0.2.2", "default/llm"])
@pytest.mark.parametrize("destination", ["default/llm", "10.244.7.9"])
@pytest.mark.parametrize("port", ["8080", "http"])
def test_ends_and_ports_by_name_and_number(source: str, destination: str, port: str) -> None:
    found = asked(source, destination, port)
    assert found.allowed
    (connection,) = found.connections
    assert (connection.ingress.name, connection.port) == ("default/llm", 8080)
    assert found.lines()[0].startswith("allowed: ")


@pytest.mark.parametrize("source", ["10.244.1.10", "198.51.100.7"])
def test_denied(source: str) -> None:
    found = asked(source, "default/llm")
    assert not found.allowed
    assert found.as_json()["connections"][0]["ingress"]["policies"] == ["default/clients"]
    assert not asked("default/client", "default/llm", "81").allowed
    assert not asked("default/client", "default/llm", "8080", "UDP").allowed


@pytest.mark.parametrize("destination", ["10.96.0.7", "llm", "llm.default.svc.cluster.local"])
def test_a_service_is_its_endpoints(destination: str) -> None:
    found = asked("default/client", destination, "80")
    assert [one.as_json()["ingress"]["address"] for one in found.connections] == ["10.244.1.8", "10.244.7.9"]
    assert found.allowed
    assert found.lines()[0] == "Service default/llm leads to 2 endpoints"
    assert found.as_json()["service"] == "default/llm"
    assert not asked("10.244.1.10", destination, "80").allowed
    empty = replace(KNOWN, services=ServiceTable([SERVICE], []))
    nobody = answer(empty, "default/client", destination, "80")
    assert (nobody.allowed, nobody.lines()) == (False, ["Service default/llm leads to 0 endpoints"])


@pytest.mark.parametrize(
    ("source", "destination", "port", "text"),
    [
        ("default/nobody", "default/llm", "8080", "default/nobody: no pod of that name has an address"),
        ("client", "default/llm", "8080", "client: say NAMESPACE/POD, an IP address, or `host`"),
        ("team/six", "default/llm", "8080", "team/six and default/llm have no addresses of one family"),
        ("host", "default/llm", "metrics", "metrics: is no port from 1 to 65535, and no name of a TCP port"),
        ("host", "10.244.7.9", "0", "0: is no port"),
        ("host", "10.244.7.9", "9" * 5000, "999"),
        ("host", "nothing.default", "80", "nothing.default: say NAMESPACE/POD"),
        ("", "", "", ": say NAMESPACE/POD"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_ask(
    source: str, destination: str, port: str, text: str
) -> None:
    with pytest.raises(Unknown) as caught:
        asked(source, destination, port)
    assert str(caught.value).startswith(text)
