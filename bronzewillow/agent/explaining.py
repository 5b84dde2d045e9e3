"""The question of `bronzewillow policy explain`: which ends are meant, and what policies say of them now."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bronzewillow.policy.explain import Explanation, explain
from bronzewillow.policy.world import World
from bronzewillow.services.names import DOMAIN, meanings
from bronzewillow.services.table import ServicePort, ServiceTable

HOST = "host"
_MOST_ENDPOINTS = 16
_Ends = tuple[tuple[bytes, ...], int]


class Unknown(Exception):
    """What was asked about is not there; the text says what to ask instead."""


@dataclass(frozen=True)
class Known:
    """What the agent goes by when it explains a verdict."""

    make_world: Callable[[], World]
    """May take a while."""
    own: Mapping[bytes, str]
    """The names of this node's pods by address."""
    nodes: Collection[bytes]
    """This node's own addresses, those inside the overlay first."""
    services: ServiceTable | None = None
    domain: str = DOMAIN
    """With which full names of Services end."""

    @cached_property
    def world(self) -> World:
        """The pods, namespaces and policies that verdicts come from."""
        return self.make_world()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to `policy explain`: a verdict for each connection that it may become."""

    service: str
    """The Service that was asked about; empty where it was none."""
    connections: tuple[Explanation, ...]
    """One, or one for each endpoint of the Service."""

    @property
    def allowed(self) -> bool:
        """All of them; of a Service without endpoints none."""
        return bool(self.connections) and all(one.allowed for one in self.connections)

    def lines(self) -> list[str]:
        """What `policy explain` prints."""
        lines = [line for one in self.connections for line in one.lines()]
        if not self.service:
            return lines
        count = len(self.connections)
        return [f"Service {self.service} leads to {count} endpoint{'s' * (count != 1)}", *lines]

    def as_json(self) -> dict[str, Any]:
        """What `policy explain --json` prints."""
        connections = [one.as_json() for one in self.connections]
        return {"allowed": self.allowed, "service": self.service or None, "connections": connections}


def answer(known: Known, source: str, destination: str, port: str, protocol: str = "TCP") -> Answer:
    """SOURCE and DESTINATION: `namespace/pod`, an IP address, `host`; the latter a Service, too. Unknown.

    PORT: a number, or the name that the destination's pod gives one.
    """
    sources = _addresses(known, source)
    service = _service(known, destination, port, protocol)
    if service is not None:
        ends = [(one.address, one.port) for one in service.endpoints if one.is_serving][:_MOST_ENDPOINTS]
        own = {len(one): one for one in sources}
        pairs = [(own[len(address)], address, number) for address, number in ends if len(address) in own]
        name = f"{service.namespace}/{service.service}"
    else:
        number = _port(known, destination, port, protocol)
        pairs = [(*_pair(sources, _addresses(known, destination), source, destination), number)]
        name = ""
    return Answer(name, tuple(
        explain(known.world, known.own, known.nodes, ours, theirs, number, protocol)
        for ours, theirs, number in pairs
    ))  # fmt: skip


def _addresses(known: Known, text: str) -> tuple[bytes, ...]:
    if text == HOST:
        return tuple(known.nodes)
    if "/" in text:
        ours = tuple(address for address, name in known.own.items() if name == text)
        theirs = tuple(address for pod in known.world.pods if str(pod) == text for address in pod.addresses)
        if found := ours or theirs:
            return found
        raise Unknown(f"{text}: no pod of that name has an address; `kubectl get pods -A -o wide` shows them")
    try:
        return (ipaddress.ip_address(text).packed,)
    except ValueError:
        raise Unknown(f"{text}: say NAMESPACE/POD, an IP address, or `{HOST}` for this node") from None


def _pair(
    sources: tuple[bytes, ...], destinations: tuple[bytes, ...], source: str, destination: str
) -> tuple[bytes, bytes]:
    """One address of each end, both of one family."""
    for theirs in destinations:
        for ours in sources:
            if len(ours) == len(theirs):
                return ours, theirs
    raise Unknown(f"{source} and {destination} have no addresses of one family")


def _port(known: Known, destination: str, text: str, protocol: str) -> int:
    if text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536:
        return int(text)
    addresses = _addresses(known, destination)
    names = {destination, *(known.own.get(address, "") for address in addresses)}
    for pod in known.world.pods:
        if str(pod) in names or not set(addresses).isdisjoint(pod.addresses):
            for name, kind, number in pod.ports:
                if (name, kind) == (text, protocol):
                    return number
    raise Unknown(f"{text}: is no port from 1 to 65535, and no name of a {protocol} port of {destination}")


def _service(known: Known, destination: str, port: str, protocol: str) -> ServicePort | None:
    if known.services is None or not port.isdecimal() or len(port) > 5 or destination == HOST:
        return None
    try:
        return known.services.at(ipaddress.ip_address(destination).packed, protocol, int(port))
    except ValueError:
        names = meanings(destination, domain=known.domain)
        found = (known.services.named(name, protocol, int(port)) for name in names)
        return next((one for one in found if one is not None), None)
