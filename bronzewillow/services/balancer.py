"""One endpoint for one connection, in the order of kube-proxy's rules.

Ready endpoints first, those meant for our node or our zone where all have hints; where nobody is ready, those
that still serve while they end. A client with affinity keeps its endpoint while that can be used.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from bronzewillow.services.endpoints import Endpoint
from bronzewillow.services.table import ServicePort

if TYPE_CHECKING:
    import random

_MOST_CLIENTS = 4096
_US_PER_S = 1_000_000

_Key = tuple[str, str, int, bytes]


class Balancer:
    """Remembers which client has which endpoint; all else is in the table."""

    def __init__(self, rng: random.Random, node: str, zone: str = "") -> None:
        self._rng = rng
        self._node = node
        self.zone = zone
        """Of our Node; it may become known, and change."""
        self._kept: OrderedDict[_Key, tuple[Endpoint, int]] = OrderedDict()

    def choose(self, port: ServicePort, client: bytes, now: int) -> Endpoint | None:
        """None: there is nobody to serve it."""
        usable = self.usable(port)
        if not usable:
            return None
        if not port.affinity_s:
            return self._rng.choice(usable)
        key = (port.namespace, port.service, port.port, client)
        kept, until = self._kept.pop(key, (None, 0))
        if kept is None or now >= until or kept not in usable:
            kept = self._rng.choice(usable)
        while len(self._kept) >= _MOST_CLIENTS:
            self._kept.popitem(last=False)
        self._kept[key] = kept, now + port.affinity_s * _US_PER_S
        return kept

    def usable(self, port: ServicePort) -> list[Endpoint]:
        """The endpoints that a connection may go to."""
        here = [one for one in port.endpoints if not port.is_local or one.node == self._node]
        ready = [one for one in here if one.is_ready]
        if not ready:
            return [one for one in here if one.is_serving and one.is_terminating]
        for hints, ours in ((_nodes, self._node), (_zones, self.zone)):
            near = [one for one in ready if ours in hints(one)]
            if near and all(map(hints, ready)):
                return near
        return ready


def _nodes(endpoint: Endpoint) -> frozenset[str]:
    return endpoint.nodes


def _zones(endpoint: Endpoint) -> frozenset[str]:
    return endpoint.zones
