from __future__ import annotations

import pytest

from kubelet.node.addresses import node_addresses


def nobody(address: str, version: int) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("table", "families", "expected"),
    [
        ({"api.example": "10.0.0.7"}, (), ("10.0.0.7",)),
        ({"api.example": "127.0.0.1", "192.0.2.1": "10.0.0.7"}, (), ("10.0.0.7",)),
        ({"api.example": None, "2001:db8::1": "2001:db8:1::7"}, (), ("2001:db8:1::7",)),
        ({"api.example": "::1"}, (), ()),
        ({}, (4, 6), ()),
        ({"api.example": "10.0.0.7", "2001:db8::1": "fd00::7"}, (), ("10.0.0.7",)),
        ({"api.example": "10.0.0.7", "2001:db8::1": "fd00::7"}, (4, 6), ("10.0.0.7", "fd00::7")),
        ({"api.example": "fd00::7", "192.0.2.1": "10.0.0.7"}, (4, 6), ("fd00::7", "10.0.0.7")),
        ({"api.example": "10.0.0.7", "2001:db8::1": "::1"}, (4, 6), ("10.0.0.7",)),
        ({"api.example": "10.0.0.7"}, (4, 6), ("10.0.0.7",)),
    ],
)
def test_the_way_to_the_api_server_says_the_first(
    table: dict[str, str | None], families: tuple[int, ...], expected: tuple[str, ...]
) -> None:
    found = node_addresses("https://api.example:6443", families, lambda host, port: table.get(host), nobody)
    assert found == expected


def test_a_family_without_a_default_route_is_found_on_the_same_interface() -> None:
    table = {"api.example": "10.0.0.7", "fd00:9::1": "::1", "fd77::1": "fd77::11"}
    asked: list[tuple[str, int]] = []

    def neighbours(address: str, version: int) -> list[str]:
        asked.append((address, version))
        return ["fd00:9::1", "fd77::1"]

    server, source_of = "https://api.example:6443", lambda host, port: table.get(host)
    assert node_addresses(server, (4, 6), source_of, neighbours) == ("10.0.0.7", "fd77::11")
    assert asked == [("10.0.0.7", 6)]
    assert node_addresses(server, (4,), source_of, neighbours) == ("10.0.0.7",)


def test_the_port_of_https_is_understood() -> None:
    asked: list[tuple[str, int]] = []
    node_addresses("https://[2001:db8::5]", (), lambda host, port: asked.append((host, port)))
    assert asked[0] == ("2001:db8::5", 443)
