"""The addresses of a lab, of either family."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """One of them."""

    version: int
    """4 or 6."""
    worker_out: str
    mac_out: str
    stranger_out: str
    """An underlay address that no node has."""
    router_out: str
    """Where the worker's default route leads: nobody is there."""
    out_length: int
    network: str
    """All pods; the CIDRs below are parts of it."""
    worker_cidr: str
    mac_cidr: str
    service: str
    """The ClusterIP of the Service whose endpoints are the Mac's pods."""
    web: str
    """The same of the worker's."""
    outer_bytes: int
    """Of headers from the outer IP to the inner Ethernet."""

    @property
    def host_length(self) -> int:
        """The prefix length of one address."""
        return 32 if self.version == 4 else 128

    @property
    def web_alone(self) -> str:
        """The same of a Service of the worker's pods that has this family alone."""
        return str(ipaddress.ip_address(self.web) + 1)

    @property
    def flag(self) -> str:
        """What iproute2 calls the family."""
        return f"-{self.version}"

    @property
    def iptables(self) -> str:
        """The program."""
        return "iptables" if self.version == 4 else "ip6tables"

    def url(self, address: str, port: int, path: str = "/") -> str:
        """Of HTTP."""
        host = address if self.version == 4 else f"[{address}]"
        return f"http://{host}:{port}{path}"


V4 = Family(
    4,
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.77",
    "192.0.2.254",
    24,
    "10.244.0.0/16",
    "10.244.1.0/24",
    "10.244.7.0/24",
    "10.96.0.100",
    "10.96.0.200",
    50,
)
V6 = Family(
    6,
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8::77",
    "2001:db8::fe",
    64,
    "fd00:10::/48",
    "fd00:10:0:1::/64",
    "fd00:10:0:7::/64",
    "fd00:96::100",
    "fd00:96::200",
    70,
)


def nth(cidr: str, number: int) -> str:
    """The address at `number` of a network; 0 is the network's own."""
    return str(ipaddress.ip_network(cidr)[number])
