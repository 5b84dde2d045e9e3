from __future__ import annotations

from bronzewillow.host.interfaces import first_hosts, networks_beside

ADDRESSES = [
    ("10.0.0.7", "255.255.255.0"),
    ("fd77::11", "ffff:ffff:ffff:ffff::"),
    ("fd77::beef", "ffff:ffff:ffff:ffff::"),
    ("2001:db8::7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fe80::1", "ffff:ffff:ffff:ffff::"),
    ("b2:44:fa:b5:b3:96", ""),
    ("10.1.0.7", ""),
]


def test_networks_of_a_family() -> None:
    assert first_hosts(ADDRESSES, 4) == ["10.0.0.1"]
    assert first_hosts(ADDRESSES, 6) == ["fd77::1"]  # hosts of IPv6 begin behind the routers' anycast address
    assert first_hosts([], 6) == []


def test_of_the_interface_that_has_an_address() -> None:
    assert networks_beside("127.0.0.1", 4) == []  # loopback is no network that others are on
    assert networks_beside("192.0.2.66", 4) == []
