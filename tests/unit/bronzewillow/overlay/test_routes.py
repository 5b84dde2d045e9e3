"""Longest prefix match over the peers."""

from __future__ import annotations

import socket

from bronzewillow.overlay.routes import Routes
from bronzewillow.overlay.spec import Peer


def peer(name: str, *prefixes: str) -> Peer:
    parsed = tuple((socket.inet_aton(p.split("/")[0]), int(p.split("/")[1])) for p in prefixes)
    return Peer(name, socket.inet_aton("192.0.2.1"), 4789, b"\x02" + bytes(5), parsed)


def owner(routes: Routes, address: str) -> str | None:
    found = routes.lookup(socket.inet_aton(address))
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
