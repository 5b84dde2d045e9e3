from __future__ import annotations

import ipaddress

from bronzewillow.services.names import ServiceName
from bronzewillow.services.table import ServiceTable
from bronzewillow.testing.lab.peers.family import V4, V6
from bronzewillow.testing.lab.peers.kube_proxy import (
    SERVICE_PORT,
    TARGET_PORT,
    endpoint_slice,
    rules,
    service,
)

ENDPOINTS = ("10.244.7.10", "10.244.7.11", "10.244.7.12")


def test_each_endpoint_is_as_likely() -> None:
    text = rules(V4, ENDPOINTS)
    assert "--probability 0.33333 -j KUBE-SEP-0" in text
    assert "--probability 0.50000 -j KUBE-SEP-1" in text
    assert "-A KUBE-SVC-LLM -j KUBE-SEP-2" in text
    assert text.count(f":{TARGET_PORT}\n") == 3


def test_addresses_of_ipv6_stand_in_brackets() -> None:
    assert f"--to-destination [fd00::a]:{TARGET_PORT}" in rules(V6, ("fd00::a",))


def test_our_agent_reads_the_objects() -> None:
    slices = [endpoint_slice("llm", V4, ENDPOINTS), endpoint_slice("llm", V6, ("fd00::a",))]
    table = ServiceTable([service("llm", (V4, V6), (V4.service, V6.service))], slices)
    port = table.at(ipaddress.ip_address(V4.service).packed, "TCP", SERVICE_PORT)
    assert port is not None
    assert [(str(ipaddress.ip_address(one.address)), one.port) for one in port.endpoints] == [
        (endpoint, TARGET_PORT) for endpoint in ENDPOINTS
    ]
    assert table.has(ServiceName("default", "llm"))
