"""Prefixes, and the node's own address."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.overlay.spec import contains, node_address


@pytest.mark.parametrize(
    ("prefix", "address", "inside"),
    [
        ("10.244.1.0/24", "10.244.1.0", True),
        ("10.244.1.0/24", "10.244.1.255", True),
        ("10.244.1.0/24", "10.244.2.0", False),
        ("10.244.1.7/32", "10.244.1.7", True),
        ("10.244.1.7/32", "10.244.1.6", False),
        ("0.0.0.0/0", "192.0.2.1", True),
    ],
)
def test_contains(prefix: str, address: str, inside: bool) -> None:
    network, length = prefix.split("/")
    assert contains((socket.inet_aton(network), int(length)), socket.inet_aton(address)) is inside


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses())
def test_contains_agrees_with_ipaddress(
    base: ipaddress.IPv4Address | ipaddress.IPv6Address,
    length: int,
    other: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    network = ipaddress.ip_network((base, min(length, base.max_prefixlen)), strict=False)
    prefix = network.network_address.packed, network.prefixlen
    assert contains(prefix, other.packed) is (other in network)


@pytest.mark.parametrize(("cidr", "address"), [("10.244.7.0/24", "10.244.7.1"), ("fd00:7::/64", "fd00:7::1")])
def test_the_first_address_is_the_nodes(cidr: str, address: str) -> None:
    network = ipaddress.ip_network(cidr)
    assert (
        node_address((network.network_address.packed, network.prefixlen))
        == ipaddress.ip_address(address).packed
    )
