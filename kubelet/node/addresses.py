"""Under which address this machine is reached; asked again every few seconds, since networks change."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

_ELSEWHERE = ("192.0.2.1", "2001:db8::1")  # RFC 5737, RFC 3849: addresses of nobody, on the default route
SourceOf = Callable[[str, int], str | None]


def node_address(server: str, source_of: SourceOf | None = None) -> str | None:
    """The address from which packets to the API server leave; None while there is no network.

    Where the API server is this very machine, the one on the default route: a loopback address is of no use
    to other nodes, and the API server itself refuses to dial it.
    """
    ask = source_of or source_address
    parts = urlsplit(server)
    found = ask(parts.hostname or "", parts.port or 443)
    if found is not None and not ipaddress.ip_address(found).is_loopback:
        return found
    others = (ask(address, 443) for address in _ELSEWHERE)
    return next((one for one in others if one and not ipaddress.ip_address(one).is_loopback), None)


def source_address(host: str, port: int) -> str | None:
    """Of a UDP socket that is connected there: the routing table answers, nothing is sent."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    for family, kind, protocol, _, address in answers:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.connect(address)
                source = str(probe.getsockname()[0]).partition("%")[0]
        except OSError:
            continue
        found = ipaddress.ip_address(source)
        if not found.is_unspecified and not found.is_link_local:
            return source
    return None
