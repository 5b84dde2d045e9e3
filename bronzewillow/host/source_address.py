"""From which address of this machine packets to a host would leave."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys

_PUBLIC = {"linux": (72, 0x2), "darwin": (63, 0)}
"""IPv6's option, and its value, for a source address that is not a new one every day (RFC 5014, RFC 8981)."""


def source_address(host: str, port: int) -> str | None:
    """Of a UDP socket that is connected there: the routing table answers, nothing is sent."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    for family, kind, protocol, _, address in answers:
        try:
            with socket.socket(family, kind, protocol) as probe:
                if family == socket.AF_INET6 and sys.platform in _PUBLIC:
                    with contextlib.suppress(OSError):
                        probe.setsockopt(socket.IPPROTO_IPV6, *_PUBLIC[sys.platform])
                probe.connect(address)
                source = str(probe.getsockname()[0]).partition("%")[0]
        except OSError:
            continue
        found = ipaddress.ip_address(source)
        if not found.is_unspecified and not found.is_link_local:
            return source
    return None
