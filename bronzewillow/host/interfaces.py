"""The networks that this machine is on, by interface."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import islice

import psutil

_HOSTS = {4: 32, 6: 128}


def networks_beside(address: str, version: int) -> list[str]:
    """The first host address of each network of IPv4 or IPv6 that the interface with `address` is on.

    Link-local ones are left out, and those of a single address.
    """
    for addresses in psutil.net_if_addrs().values():
        found = [(one.address.partition("%")[0], one.netmask or "") for one in addresses]
        if address in (text for text, _ in found):
            return first_hosts(found, version)
    return []


def first_hosts(addresses: Iterable[tuple[str, str]], version: int) -> list[str]:
    """Of addresses with their netmasks, as psutil gives them; what is not of that family is skipped."""
    networks: dict[str, None] = {}
    for address, netmask in addresses:
        try:
            found = ipaddress.ip_address(address)
            length = int(ipaddress.ip_address(netmask)).bit_count()
        except ValueError:
            continue
        if found.version != version or found.is_link_local or found.is_loopback or length >= _HOSTS[version]:
            continue
        network = ipaddress.ip_network(f"{found}/{length}", strict=False)
        networks.update((str(host), None) for host in islice(network.hosts(), 1))
    return list(networks)
