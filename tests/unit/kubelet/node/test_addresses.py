from __future__ import annotations

import pytest

from kubelet.node.addresses import node_address, source_address


def routes(table: dict[str, str | None]) -> tuple[list[str], object]:
    return [], table


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"api.example": "10.0.0.7"}, "10.0.0.7"),
        ({"api.example": "127.0.0.1", "192.0.2.1": "10.0.0.7"}, "10.0.0.7"),
        ({"api.example": None, "2001:db8::1": "2001:db8:1::7"}, "2001:db8:1::7"),
        ({"api.example": "::1"}, None),
        ({}, None),
    ],
)
def test_the_way_to_the_api_server_says_it(table: dict[str, str | None], expected: str | None) -> None:
    assert node_address("https://api.example:6443", lambda host, port: table.get(host)) == expected


def test_the_port_of_https_is_understood() -> None:
    asked: list[tuple[str, int]] = []
    node_address("https://[2001:db8::5]", lambda host, port: asked.append((host, port)))
    assert asked[0] == ("2001:db8::5", 443)


def test_the_routing_table_answers_without_a_packet() -> None:
    assert source_address("127.0.0.1", 9) == "127.0.0.1"


@pytest.mark.parametrize("host", ["host.invalid", "", "fe80::1"])
def test_what_leads_nowhere_has_no_source(host: str) -> None:
    assert source_address(host, 9) in (None, "127.0.0.1", "::1")
