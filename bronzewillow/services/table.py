"""What Services and EndpointSlices say, ready to be asked once per connection.

Source: kubernetes/kubernetes, pkg/proxy. Malformed objects are passed over.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bronzewillow.services.names import ServiceName

Json = Mapping[str, Any]
_SERVICE_OF = "kubernetes.io/service-name"
_DEFAULT_AFFINITY_S = 10_800


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one pod serves one port of a Service."""

    address: bytes
    port: int
    is_ready: bool = True
    is_serving: bool = True
    """It still serves while it ends: used where nobody is ready."""
    is_terminating: bool = False
    zones: frozenset[str] = frozenset()
    """The zones that it is meant for; empty for all (topology hints)."""
    node: str = ""
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service."""

    namespace: str
    service: str
    name: str
    """The port's; empty where it has none."""
    port: int
    protocol: str
    affinity_s: int
    """A client stays with its endpoint for so long; 0 for not at all."""
    is_local: bool
    """internalTrafficPolicy Local: only endpoints of this node."""
    endpoints: tuple[Endpoint, ...]


class ServiceTable:
    """All Services. Made anew when one changes; cheap, as it only sorts what it is given."""

    def __init__(self, services: Iterable[Json], slices: Iterable[Json]) -> None:
        self._by_address: dict[tuple[bytes, str, int], ServicePort] = {}
        self._by_name: dict[tuple[str, str], list[ServicePort]] = {}
        endpoints = _by_service(slices)
        for service in services:
            self._add(service, endpoints)

    def at(self, address: bytes, protocol: str, port: int) -> ServicePort | None:
        """The Service port at a cluster IP."""
        return self._by_address.get((address, protocol, port))

    def is_service_address(self, address: bytes) -> bool:
        """Whether a Service has this cluster IP, whatever the port."""
        return any(known == address for known, _, _ in self._by_address)

    def named(self, name: ServiceName, protocol: str, port: int) -> ServicePort | None:
        """The port of a Service by name; of a headless one, any port that its endpoints serve."""
        ports = self._by_name.get((name.namespace, name.name), [])
        for one in ports:
            if (one.protocol, one.port) == (protocol, port):
                return _of_host(one, name.host)
        return None

    def has(self, name: ServiceName) -> bool:
        """Whether there is such a Service."""
        return (name.namespace, name.name) in self._by_name

    def _add(
        self, service: Json, endpoints: Mapping[tuple[str, str], list[tuple[str, str, Endpoint]]]
    ) -> None:
        metadata, spec = _mapping(service.get("metadata")), _mapping(service.get("spec"))
        key = str(metadata.get("namespace")), str(metadata.get("name"))
        if spec.get("type") == "ExternalName":
            return
        affinity_s = 0
        if spec.get("sessionAffinity") == "ClientIP":
            config = _mapping(_mapping(spec.get("sessionAffinityConfig")).get("clientIP"))
            affinity_s = _number(config.get("timeoutSeconds")) or _DEFAULT_AFFINITY_S
        ports = self._by_name.setdefault(key, [])
        addresses = [
            packed for text in spec.get("clusterIPs") or [spec.get("clusterIP")] if (packed := _address(text))
        ]
        found = endpoints.get(key, [])
        for entry in _list(spec.get("ports")):
            port = _mapping(entry)
            name, protocol = str(port.get("name") or ""), str(port.get("protocol") or "TCP")
            mine = [one for other, kind, one in found if (other, kind) == (name, protocol)]
            number = _number(port.get("port"))
            # of a headless one clients dial the pods themselves, so the port is the pods'
            numbers = {number} if addresses else {one.port for one in mine} or {number}
            for each in sorted(numbers):
                one = ServicePort(
                    *key,
                    name,
                    each,
                    protocol,
                    affinity_s,
                    spec.get("internalTrafficPolicy") == "Local",
                    tuple(one for one in mine if addresses or one.port == each),
                )
                ports.append(one)
                for address in addresses:
                    self._by_address[address, protocol, each] = one


def _of_host(port: ServicePort, host: str) -> ServicePort | None:
    if not host:
        return port
    mine = tuple(one for one in port.endpoints if one.hostname == host)
    if not mine:
        return None
    return ServicePort(
        port.namespace,
        port.service,
        port.name,
        port.port,
        port.protocol,
        port.affinity_s,
        port.is_local,
        mine,
    )


def _by_service(slices: Iterable[Json]) -> dict[tuple[str, str], list[tuple[str, str, Endpoint]]]:
    """Port name, protocol and endpoint, by namespace and Service. Slices may repeat an endpoint."""
    found: dict[tuple[str, str], dict[tuple[str, str, bytes, int], Endpoint]] = {}
    for one in slices:
        metadata = _mapping(one.get("metadata"))
        service = _mapping(metadata.get("labels")).get(_SERVICE_OF)
        if not isinstance(service, str):
            continue
        known = found.setdefault((str(metadata.get("namespace")), service), {})
        for entry in _list(one.get("ports")):
            port = _mapping(entry)
            name, protocol = str(port.get("name") or ""), str(port.get("protocol") or "TCP")
            number = _number(port.get("port"))
            for endpoint in map(_mapping, _list(one.get("endpoints"))):
                for address in map(_address, _list(endpoint.get("addresses"))):
                    if address is not None and number:
                        known[name, protocol, address, number] = _endpoint(endpoint, address, number)
    return {
        key: [(name, protocol, one) for (name, protocol, _, _), one in sorted(known.items())]
        for key, known in found.items()
    }


def _endpoint(entry: Mapping[str, Any], address: bytes, port: int) -> Endpoint:
    conditions = _mapping(entry.get("conditions"))
    ready = conditions.get("ready") is not False  # not said is taken for ready, as the API has it
    hints = _list(_mapping(entry.get("hints")).get("forZones"))
    return Endpoint(
        address,
        port,
        ready,
        conditions.get("serving", ready) is not False,
        conditions.get("terminating") is True,
        frozenset(str(_mapping(hint).get("name")) for hint in hints),
        str(entry.get("nodeName") or ""),
        str(entry.get("hostname") or ""),
    )


def _address(text: Any) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed if isinstance(text, str) else None
    except ValueError:
        return None


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
