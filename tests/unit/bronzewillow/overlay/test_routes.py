"""Longest prefix match over the peers."""

from __future__ import annotations

import ipaddress

from bronzewillow.overlay.routes import Routes
from bronzewillow.overlay.spec import Peer


def peer(name: str, *prefixes: str) -> Peer:
    networks = [ipaddress.ip_network(prefix) for prefix in prefixes]
    parsed = tuple((network.network_address.packed, network.prefixlen) for network in networks)
    return Peer(name, ipaddress.ip_address("192.0.2.1").packed, 4789, b"\x02" + bytes(5), parsed)


def owner(routes: Routes, address: str) -> str | None:
    found = routes.lookup(ipaddress.ip_address(address).packed)
    return found.name if found else None


def test_the_most_specific_prefix_wins_whatever_the_order() -> None:
    wide, narrow, host = (
        peer("wide", "10.0.0.0/8"),
        peer("narrow", "10.244.1.0/24"),
        peer("host", "10.244.1.9/32"),
    )
    for order in ([wide, narrow, host], [host, narrow, wide]):
        routes = Routes(order)
        assert owner(routes, "10.1.2.3") == "wide"
        assert owner(routes, "10.244.1.8") == "narrow"
        assert owner(routes, "10.244.1.9") == "host"
        assert owner(routes, "11.0.0.1") is None


def test_a_peer_may_have_several_prefixes() -> None:
    routes = Routes([peer("two", "10.244.1.0/24", "172.16.0.0/26")])
    assert owner(routes, "10.244.1.1") == owner(routes, "172.16.0.63") == "two"
    assert owner(routes, "172.16.0.64") is None


def test_an_empty_table_knows_nobody() -> None:
    assert owner(Routes([]), "10.244.1.1") is None


def test_families_are_apart() -> None:
    routes = Routes([peer("both", "10.244.1.0/24", "fd00:1::/64"), peer("all", "::/0")])
    assert owner(routes, "fd00:1::9") == "both"
    assert owner(routes, "fd00:2::9") == "all"
    assert owner(routes, "10.9.9.9") is None
