"""Under which addresses this machine is reached; asked again every few seconds, since networks change."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable
from urllib.parse import urlsplit

from bronzewillow.host.interfaces import networks_beside
from bronzewillow.host.source_address import source_address

_ELSEWHERE = {4: "192.0.2.1", 6: "2001:db8::1"}
"""RFC 5737, RFC 3849: addresses of nobody, on the default route of each family."""
SourceOf = Callable[[str, int], str | None]
NeighboursOf = Callable[[str, int], Iterable[str]]


def node_addresses(
    server: str,
    families: Collection[int] = (),
    source_of: SourceOf | None = None,
    neighbours_of: NeighboursOf = networks_beside,
) -> tuple[str, ...]:
    """The address from which packets to the API server leave, then one of each further family of `families`.

    That is the one on the default route; where a family has none, as in networks that lead nowhere else, one
    of the interface that has the first. Empty while there is no network.
    """
    ask = source_of or source_address
    first = _towards(server, ask)
    if first is None:
        return ()
    others = sorted(set(families) - {ipaddress.ip_address(first).version})
    found = (_usable(ask, (_ELSEWHERE[version], *neighbours_of(first, version))) for version in others)
    return (first, *(one for one in found if one is not None))


def _towards(server: str, ask: SourceOf) -> str | None:
    """The source of what goes there; where that is this very machine, the one on the default route.

    A loopback address is of no use to other nodes, and the API server itself refuses to dial it.
    """
    parts = urlsplit(server)
    found = ask(parts.hostname or "", parts.port or 443)
    if found is not None and not ipaddress.ip_address(found).is_loopback:
        return found
    return _usable(ask, _ELSEWHERE.values())


def _usable(ask: SourceOf, destinations: Iterable[str]) -> str | None:
    """The first source that is not loopback."""
    found = (ask(address, 443) for address in destinations)
    return next((one for one in found if one and not ipaddress.ip_address(one).is_loopback), None)
