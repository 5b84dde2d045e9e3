"""What Services and EndpointSlices say, ready to be asked once per connection.

Source: kubernetes/kubernetes, pkg/proxy. Malformed objects are passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bronzewillow.services.endpoints import (
    Endpoint,
    Endpoints,
    Json,
    addresses,
    endpoints_of,
    items,
    mapping,
    number_of,
    service_of,
    slice_name,
)
from bronzewillow.services.names import ServiceName, parse_dashed

_DEFAULT_AFFINITY_S = 10_800
_ANY_PORT = 0


_Found = tuple[str, str, Endpoint]
"""Port name, protocol and where."""
_Place = tuple[bytes, str, int]
"""Address, protocol and port."""
_Key = tuple[str, str]
"""Namespace and name of a Service."""


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
    """All Services. What changes is told piece by piece: a large cluster changes all the time."""

    def __init__(self, services: Iterable[Json] = (), slices: Iterable[Json] = ()) -> None:
        self._entries: dict[_Key, _Entry] = {}
        self._slices: dict[_Key, dict[str, Endpoints]] = {}
        self._objects: dict[_Key, Json] = {}
        self._by_address: dict[_Place, dict[_Key, ServicePort]] = {}
        self._cluster_ips: Counter[bytes] = Counter()
        for number, one in enumerate(slices):
            self.put_slice(one, str(number))
        for one in services:
            self.put_service(one)

    @property
    def dns(self) -> list[tuple[bytes, str, int]]:
        """Where the pods of cluster DNS answer: address, protocol and port of each."""
        return [place for entry in self._entries.values() for place in entry.dns]

    # ---- what is asked of it

    def at(self, address: bytes, protocol: str, port: int) -> ServicePort | None:
        """The Service port at a cluster IP, an external IP or a load balancer's."""
        claims = self._by_address.get((address, protocol, port))
        return next(reversed(claims.values())) if claims else None

    def is_service_address(self, address: bytes) -> bool:
        """Whether a Service has this cluster IP, whatever the port."""
        return self._cluster_ips[address] > 0

    def named(self, name: ServiceName, protocol: str, port: int) -> ServicePort | None:
        """The port of a Service by name; of a headless one any port, as DNS gives its pods' addresses."""
        entry = self._entries.get((name.namespace, name.name))
        if entry is None:
            return None
        for one in entry.ports:
            if (one.protocol, one.port) == (protocol, port):
                return one if not name.host else None
        whole = entry.headless
        if whole is None:
            return None
        served = tuple(
            replace(one, port=port) for one in whole.endpoints if not name.host or _is_host(one, name.host)
        )
        return replace(whole, port=port, protocol=protocol, endpoints=served)

    def has(self, name: ServiceName) -> bool:
        """Whether there is such a Service, or such a pod of a headless one."""
        entry = self._entries.get((name.namespace, name.name))
        if entry is None or not name.host:
            return entry is not None
        return entry.headless is not None and any(_is_host(e, name.host) for e in entry.headless.endpoints)

    def alias(self, name: ServiceName) -> str:
        """What else a Service of type ExternalName is called; empty for others."""
        entry = self._entries.get((name.namespace, name.name))
        return "" if name.host or entry is None else entry.alias

    # ---- what it is told

    def put_service(self, service: Json) -> None:
        """It is there, or has changed."""
        key = _key(service)
        self._objects[key] = service
        self._make(key)

    def drop_service(self, service: Json) -> None:
        """The Service has gone from the cluster."""
        key = _key(service)
        self._objects.pop(key, None)
        self._forget(key)

    def put_slice(self, one: Json, name: str = "") -> None:
        """It is there, or has changed. `name`: for one that has none of its own."""
        key = service_of(one)
        if key is not None:
            self._slices.setdefault(key, {})[slice_name(one, name)] = endpoints_of(one)
            self._make(key)

    def drop_slice(self, one: Json) -> None:
        """The EndpointSlice has gone from the cluster."""
        key = service_of(one)
        if key is not None and key in self._slices:
            self._slices[key].pop(slice_name(one), None)
            if not self._slices[key]:
                del self._slices[key]
            self._make(key)

    # ---- inside

    def _make(self, key: _Key) -> None:
        """One Service anew, of what is known of it."""
        self._forget(key)
        service = self._objects.get(key)
        if service is None:
            return
        found = {
            place: one for part in self._slices.get(key, {}).values() for place, one in part.items()
        }  # slices may repeat an endpoint
        entry = self._entries[key] = _entry(
            key, service, [(name, protocol, one) for (name, protocol, _, _), one in sorted(found.items())]
        )
        self._cluster_ips.update(entry.cluster_ips)
        for place, port in entry.places.items():
            self._by_address.setdefault(place, {})[key] = port

    def _forget(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        for address in entry.cluster_ips:
            self._cluster_ips[address] -= 1
            if not self._cluster_ips[address]:
                del self._cluster_ips[address]
        for place in entry.places:
            claims = self._by_address[place]
            del claims[key]
            if not claims:
                del self._by_address[place]


@dataclass(slots=True)
class _Entry:
    """What the table knows of one Service."""

    alias: str = ""
    ports: list[ServicePort] = field(default_factory=list)
    headless: ServicePort | None = None
    cluster_ips: list[bytes] = field(default_factory=list)
    places: dict[_Place, ServicePort] = field(default_factory=dict)
    dns: list[_Place] = field(default_factory=list)


def _entry(key: _Key, service: Json, found: list[_Found]) -> _Entry:
    metadata, spec = mapping(service.get("metadata")), mapping(service.get("spec"))
    if spec.get("type") == "ExternalName":
        return _Entry(str(spec.get("externalName") or ""))
    whole = ServicePort(*key, "", _ANY_PORT, "", _affinity_s(spec), _is_local(spec), ())
    cluster_ips = addresses(spec.get("clusterIPs") or [spec.get("clusterIP")])
    if not cluster_ips:
        pods = {one.address: one for _, _, one in found}
        return _Entry(headless=replace(whole, endpoints=tuple(pods.values())))
    entry = _Entry(cluster_ips=cluster_ips)
    for fields in map(mapping, items(spec.get("ports"))):
        name, protocol = str(fields.get("name") or ""), str(fields.get("protocol") or "TCP")
        mine = tuple(one for other, kind, one in found if (other, kind) == (name, protocol))
        port = replace(whole, name=name, port=number_of(fields.get("port")), protocol=protocol)
        if _is_dns(metadata):
            entry.dns += [(one.address, protocol, one.port) for one in mine]
        families = {
            address: replace(port, endpoints=tuple(e for e in mine if len(e.address) == len(address)))
            for address in [*cluster_ips, *_external(service)]
        }
        for address, one in families.items():
            entry.places[address, protocol, port.port] = one
        # by name a client tries what DNS gives, the first family first
        named = [families[address] for address in cluster_ips]
        entry.ports.append(next((one for one in named if one.endpoints), named[0]))
    return entry


def _is_dns(metadata: Json) -> bool:
    labels = mapping(metadata.get("labels"))
    return metadata.get("namespace") == "kube-system" and labels.get("k8s-app") == "kube-dns"


def _is_local(spec: Json) -> bool:
    return spec.get("internalTrafficPolicy") == "Local"


def _affinity_s(spec: Json) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    config = mapping(mapping(spec.get("sessionAffinityConfig")).get("clientIP"))
    return number_of(config.get("timeoutSeconds")) or _DEFAULT_AFFINITY_S


def _external(service: Json) -> list[bytes]:
    """Addresses that lead outsiders in; who is inside need not go out for them, as kube-proxy has it."""
    spec, status = mapping(service.get("spec")), mapping(service.get("status"))
    ingress = map(mapping, items(mapping(status.get("loadBalancer")).get("ingress")))
    balanced = [one.get("ip") for one in ingress if one.get("ipMode", "VIP") == "VIP"]
    return addresses([*items(spec.get("externalIPs")), *balanced])


def _is_host(endpoint: Endpoint, host: str) -> bool:
    return host == endpoint.hostname or (not endpoint.hostname and parse_dashed(host) == endpoint.address)


def _key(obj: Json) -> _Key:
    metadata = mapping(obj.get("metadata"))
    return str(metadata.get("namespace")), str(metadata.get("name"))
