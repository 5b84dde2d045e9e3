"""The way to a destination: a Service's endpoint, a pod by the overlay, all else by the host's own sockets.

Nodes and hosts outside are dialled as this machine's programs dial them: the masquerading of every CNI would
make the same of it. A pod that asks for a way speaks from its own address, and its egress policies are asked
about where the way ends: the endpoint behind a cluster IP, the host behind a name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass

from bronzewillow.agent.addresses import address_text, endpoint_text
from bronzewillow.agent.net import Net
from bronzewillow.host.splice import UPSTREAM, Splice
from bronzewillow.policy.rules import Direction, Verdict
from bronzewillow.services.balancer import Balancer
from bronzewillow.services.names import DOMAIN, meanings, pod_address
from bronzewillow.services.table import ServicePort, ServiceTable

_DIAL_LIMIT_S = 60.0
_TRY_LIMIT_S = 10.0
"""For one address of several."""
_MOST_ALIASES = 8
_DNS = (("UDP", 53), ("TCP", 53))
_SOMEWHERE = bytes(4)
"""A DNS server of which nothing is known: only who may ask everybody may ask it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A pod of this node that asks for a way."""

    name: str
    """Namespace and name."""
    addresses: tuple[bytes, ...]

    @property
    def namespace(self) -> str:
        """Where its short names are looked for."""
        return self.name.partition("/")[0] if "/" in self.name else "default"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a way ends: one of these addresses."""

    addresses: tuple[bytes, ...]
    port: int
    is_service: bool = False


class _NoWay(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Ways:
    """Of one node."""

    def __init__(
        self,
        net: Net,
        node: str = "",
        *,
        domain: str = DOMAIN,
        allows_hosts: Callable[[], bool] = lambda: False,
    ) -> None:
        """`allows_hosts`: whether this machine's programs get what is no pod and no Service, too."""
        self._net = net
        self._domain = domain
        self._allows_hosts = allows_hosts
        self._open: dict[Splice, tuple[bytes, bytes, int]] = {}
        self.balancer = Balancer(random.SystemRandom(), node)
        self.services: ServiceTable | None = None
        """What the cluster's Services are; None where no cluster is followed."""

    async def dial(
        self, host: str, port: int, splice: Splice, caller: Caller | None = None
    ) -> tuple[int, str]:
        """Join the upstream side of `splice`; 200, or an HTTP status and the reason.

        `caller`: the pod that asks; None for a program of this machine, to which no policy applies.
        """
        try:
            async with asyncio.timeout(_DIAL_LIMIT_S):
                name, found = self._find(host, port, caller)
                place = found or await self._outside(name, port, caller)
                if name != host and any(map(_is_loopback, place.addresses)):
                    raise _NoWay(403, f"{host}: an external name leads to the loopback of this machine")
                await self._connect(place, splice, caller)
        except _NoWay as no_way:
            return no_way.status, no_way.reason
        except TimeoutError:
            return 504, "connection timed out"
        except ConnectionRefusedError:
            return 502, "connection refused"
        except OSError as error:
            return 502, error.strerror or str(error) or "connection reset by peer"
        return 200, ""

    def recheck(self) -> None:
        """The rules have changed: cut what pods of ours have opened and would not be let to any more."""
        for splice, (pod, peer, port) in list(self._open.items()):
            if not self._net.policy.stands(Direction.EGRESS, pod, peer, "TCP", port):
                splice.abort()

    # ---- where it is

    def _find(self, host: str, port: int, caller: Caller | None) -> tuple[str, _Place | None]:
        """What else it is called, by external names, and where that leads; None for a name of the world."""
        for _ in range(_MOST_ALIASES):
            packed = _packed(host)
            if packed is None and self.services is not None:
                packed = pod_address(host, self._domain)
            if packed is not None:
                return host, self._at(packed, port, caller)
            alias, place = self._named(host, port, caller)
            if not alias:
                return host, place
            host = alias
        raise _NoWay(502, f"{host}: an external name leads to another one without end")

    def _at(self, address: bytes, port: int, caller: Caller | None) -> _Place:
        if self.services is None:
            return _Place((address,), port)
        if (service := self.services.at(address, "TCP", port)) is not None:
            return self._balanced(service, caller)
        if self.services.is_service_address(address):  # but none of its ports: kube-proxy rejects that
            raise _NoWay(502, "connection refused")
        return _Place((address,), port)

    def _named(self, host: str, port: int, caller: Caller | None) -> tuple[str, _Place | None]:
        """Another name for it, or where it is; neither, where it is no Service's."""
        if self.services is None:
            return "", None
        namespace = caller.namespace if caller is not None else "default"
        for name in meanings(host, namespace, self._domain):
            if self.services.has(name):
                if alias := self.services.alias(name):
                    return alias, None
                service = self.services.named(name, "TCP", port)
                if service is None:
                    raise _NoWay(502, "connection refused")
                return "", self._balanced(service, caller)
        return "", None

    def _balanced(self, service: ServicePort, caller: Caller | None) -> _Place:
        client = caller.addresses[0] if caller is not None else self._net.node.addresses[0]
        chosen = self.balancer.choose(service, client, self._net.node.clock.now())
        if chosen is None:
            raise _NoWay(503, f"Service {service.namespace}/{service.service} has no endpoint that is ready")
        return _Place((chosen.address,), chosen.port, is_service=True)

    async def _outside(self, host: str, port: int, caller: Caller | None) -> _Place:
        """Ask the machine's resolver, for a pod only if it may ask cluster DNS."""
        if caller is None and not self._allows_hosts():
            raise _NoWay(502, "no route to host")
        if caller is not None:
            self._check_dns(host, caller)
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:  # an empty label, or one above 63 bytes
            raise _NoWay(502, "no such host") from None
        found = [packed for info in infos if (packed := _packed(str(info[4][0]))) is not None]
        return _Place(tuple(dict.fromkeys(found)), port)

    # ---- whether the pod may

    def _check_dns(self, host: str, caller: Caller) -> None:
        servers = self.services.dns if self.services is not None else []
        for server in servers or [(_SOMEWHERE, *one) for one in _DNS]:
            if self._verdict(caller, *server).allowed:
                return
        address, protocol, port = (servers or [(_SOMEWHERE, *_DNS[0])])[0]
        verdict = self._net.policy.decide(Direction.EGRESS, caller.addresses[0], address, protocol, port)
        raise _NoWay(403, f"{host} is not looked up: {_reason(verdict, caller)} ask cluster DNS")

    def _check(self, place: _Place, caller: Caller) -> tuple[bytes, ...]:
        """The addresses that it may reach; _NoWay when none."""
        if any(map(_is_loopback, place.addresses)):
            raise _NoWay(403, "loopback is the pod's own: this machine's is not reached from here")
        found = tuple(one for one in place.addresses if self._verdict(caller, one, "TCP", place.port).allowed)
        first = (found or place.addresses)[0]
        pod = caller.addresses[0]
        verdict = self._net.policy.decide(Direction.EGRESS, pod, first, "TCP", place.port)
        if not verdict.allowed:
            raise _NoWay(403, f"{_reason(verdict, caller)} reach {endpoint_text(first, place.port)}")
        return found

    def _verdict(self, caller: Caller, address: bytes, protocol: str, port: int) -> Verdict:
        return self._net.policy.verdict(Direction.EGRESS, caller.addresses[0], address, protocol, port)

    # ---- going there

    async def _connect(self, place: _Place, splice: Splice, caller: Caller | None) -> None:
        addresses = self._check(place, caller) if caller is not None else place.addresses
        for left, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            try:
                async with asyncio.timeout(_TRY_LIMIT_S if left else None):
                    await self._go(address, place, splice, caller)
            except OSError:  # TimeoutError is one, too
                if not left:
                    raise
            else:
                return

    async def _go(self, address: bytes, place: _Place, splice: Splice, caller: Caller | None) -> None:
        text, side = address_text(address), splice.sides[UPSTREAM]
        node = self._net.node
        if node.owns(address) or node.has_route(address):
            if node.owns(address) and address not in node.stacks:
                raise _NoWay(502, "no route to host")  # no pod has it: nobody would answer
            source = self._source(address, caller)
            await self._net.create_connection(lambda: side, text, place.port, source=source)
        elif place.is_service or caller is not None or self._allows_hosts():
            await asyncio.get_running_loop().create_connection(lambda: side, text, place.port)
        else:
            raise _NoWay(502, "no route to host")
        if caller is not None:
            self._open[splice] = caller.addresses[0], address, place.port
            splice.finished.add_done_callback(lambda _: self._open.pop(splice, None))
            verdict = self._verdict(caller, address, "TCP", place.port)  # it may have changed meanwhile
            if not verdict.allowed:
                splice.abort()
                raise _NoWay(403, f"{_reason(verdict, caller)} reach {endpoint_text(address, place.port)}")

    def _source(self, address: bytes, caller: Caller | None) -> str | None:
        """From where to speak; None for the node's own address."""
        if caller is None or address in caller.addresses:
            return None  # a pod that reaches itself by its Service is masqueraded elsewhere, too
        stacks = self._net.node.stacks
        for own in caller.addresses:
            if len(own) == len(address) and own in stacks:
                return address_text(own)
        raise _NoWay(502, f"no route to host: {caller.name} has no address of that family")


def _reason(verdict: Verdict, caller: Caller) -> str:
    if not verdict.policy:
        return f"{verdict.note}, so {caller.name} may not"
    return f"NetworkPolicy {verdict.policy} isolates {caller.name} for egress, and no rule lets it"


def _is_loopback(address: bytes) -> bool:
    """Unspecified addresses lead there, too."""
    found = ipaddress.ip_address(address)
    return found.is_loopback or found.is_unspecified


def _packed(host: str) -> bytes | None:
    """None for a name. An IPv4 address in IPv6's clothes is one of IPv4."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).packed
