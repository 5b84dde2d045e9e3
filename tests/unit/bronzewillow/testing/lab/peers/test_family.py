from __future__ import annotations

import ipaddress

import pytest

from bronzewillow.testing.lab.peers.family import V4, V6, Family, nth


@pytest.mark.parametrize("family", [V4, V6])
def test_addresses_are_of_the_family_and_inside_its_networks(family: Family) -> None:
    for text in (family.worker_out, family.mac_out, family.stranger_out, family.service, family.web):
        assert ipaddress.ip_address(text).version == family.version
    network = ipaddress.ip_network(family.network)
    for cidr in (family.worker_cidr, family.mac_cidr):
        assert ipaddress.ip_network(cidr).subnet_of(network)  # type: ignore[arg-type]
    assert ipaddress.ip_address(family.service) not in network


def test_urls_and_addresses_by_number() -> None:
    assert V4.url("10.0.0.1", 80, "/a") == "http://10.0.0.1:80/a"
    assert V6.url("fd00::1", 80) == "http://[fd00::1]:80/"
    assert nth("10.0.1.0/24", 0) == "10.0.1.0"
    assert nth("fd00:1::/64", 11) == "fd00:1::b"
