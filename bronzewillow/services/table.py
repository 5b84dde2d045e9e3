"""What Services and EndpointSlices say, ready to be asked once per connection.

Source: kubernetes/kubernetes, pkg/proxy. Malformed objects are passed over.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bronzewillow.services.names import ServiceName, parse_dashed

Json = Mapping[str, Any]
_SERVICE_OF = "kubernetes.io/service-name"
_DEFAULT_AFFINITY_S = 10_800
_ANY_PORT = 0


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
    """Where it runs."""
    hostname: str = ""
    """Its pod's own name before a headless Service's."""
    nodes: frozenset[str] = frozenset()
    """The nodes that it is meant for; empty for all."""


_Found = tuple[str, str, Endpoint]
"""Port name, protocol and where."""


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
        self._cluster_ips: set[bytes] = set()
        self._by_name: dict[tuple[str, str], list[ServicePort]] = {}
        self._headless: dict[tuple[str, str], ServicePort] = {}
        self._aliases: dict[tuple[str, str], str] = {}
        self.dns: list[tuple[bytes, str, int]] = []
        """Where the pods of cluster DNS answer: address, protocol and port of each."""
        endpoints = _by_service(slices)
        for service in services:
            self._add(service, endpoints)

    def at(self, address: bytes, protocol: str, port: int) -> ServicePort | None:
        """The Service port at a cluster IP, an external IP or a load balancer's."""
        return self._by_address.get((address, protocol, port))

    def is_service_address(self, address: bytes) -> bool:
        """Whether a Service has this cluster IP, whatever the port."""
        return address in self._cluster_ips

    def named(self, name: ServiceName, protocol: str, port: int) -> ServicePort | None:
        """The port of a Service by name; of a headless one any port, as DNS gives its pods' addresses."""
        key = name.namespace, name.name
        for one in self._by_name.get(key, []):
            if (one.protocol, one.port) == (protocol, port):
                return one if not name.host else None
        whole = self._headless.get(key)
        if whole is None:
            return None
        served = tuple(
            replace(one, port=port) for one in whole.endpoints if not name.host or _is_host(one, name.host)
        )
        return replace(whole, port=port, protocol=protocol, endpoints=served)

    def has(self, name: ServiceName) -> bool:
        """Whether there is such a Service, or such a pod of a headless one."""
        key = name.namespace, name.name
        if not name.host:
            return key in self._by_name or key in self._aliases
        return key in self._headless and any(_is_host(e, name.host) for e in self._headless[key].endpoints)

    def alias(self, name: ServiceName) -> str:
        """What else a Service of type ExternalName is called; empty for others."""
        return "" if name.host else self._aliases.get((name.namespace, name.name), "")

    def _add(self, service: Json, endpoints: Mapping[tuple[str, str], list[_Found]]) -> None:
        metadata, spec = _mapping(service.get("metadata")), _mapping(service.get("spec"))
        key = str(metadata.get("namespace")), str(metadata.get("name"))
        if spec.get("type") == "ExternalName":
            self._aliases[key] = str(spec.get("externalName") or "")
            return
        whole = ServicePort(*key, "", _ANY_PORT, "", _affinity_s(spec), _is_local(spec), ())
        ports = self._by_name.setdefault(key, [])
        cluster_ips = _addresses(spec.get("clusterIPs") or [spec.get("clusterIP")])
        found = endpoints.get(key, [])
        if not cluster_ips:
            pods = {one.address: one for _, _, one in found}
            self._headless[key] = replace(whole, endpoints=tuple(pods.values()))
            return
        self._cluster_ips.update(cluster_ips)
        for entry in map(_mapping, _list(spec.get("ports"))):
            name, protocol = str(entry.get("name") or ""), str(entry.get("protocol") or "TCP")
            mine = tuple(one for other, kind, one in found if (other, kind) == (name, protocol))
            port = replace(whole, name=name, port=_number(entry.get("port")), protocol=protocol)
            if _is_dns(metadata):
                self.dns += [(one.address, protocol, one.port) for one in mine]
            families = {
                address: replace(port, endpoints=tuple(e for e in mine if len(e.address) == len(address)))
                for address in [*cluster_ips, *_external(service)]
            }
            for address, one in families.items():
                self._by_address[address, protocol, port.port] = one
            # by name a client tries what DNS gives, the first family first
            named = [families[address] for address in cluster_ips]
            ports.append(next((one for one in named if one.endpoints), named[0]))


def _is_dns(metadata: Json) -> bool:
    labels = _mapping(metadata.get("labels"))
    return metadata.get("namespace") == "kube-system" and labels.get("k8s-app") == "kube-dns"


def _is_local(spec: Json) -> bool:
    return spec.get("internalTrafficPolicy") == "Local"


def _affinity_s(spec: Json) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    config = _mapping(_mapping(spec.get("sessionAffinityConfig")).get("clientIP"))
    return _number(config.get("timeoutSeconds")) or _DEFAULT_AFFINITY_S


def _external(service: Json) -> list[bytes]:
    """Addresses that lead outsiders in; who is inside need not go out for them, as kube-proxy has it."""
    spec, status = _mapping(service.get("spec")), _mapping(service.get("status"))
    ingress = map(_mapping, _list(_mapping(status.get("loadBalancer")).get("ingress")))
    balanced = [one.get("ip") for one in ingress if one.get("ipMode", "VIP") == "VIP"]
    return _addresses([*_list(spec.get("externalIPs")), *balanced])


def _is_host(endpoint: Endpoint, host: str) -> bool:
    return host == endpoint.hostname or (not endpoint.hostname and parse_dashed(host) == endpoint.address)


def _by_service(slices: Iterable[Json]) -> dict[tuple[str, str], list[_Found]]:
    """Port name, protocol and endpoint, by namespace and Service. Slices may repeat an endpoint."""
    found: dict[tuple[str, str], dict[tuple[str, str, bytes, int], Endpoint]] = {}
    for one in slices:
        metadata = _mapping(one.get("metadata"))
        service = _mapping(metadata.get("labels")).get(_SERVICE_OF)
        if not isinstance(service, str):
            continue
        known = found.setdefault((str(metadata.get("namespace")), service), {})
        # a headless Service may have no ports: its pods are known by address alone
        for port in map(_mapping, _list(one.get("ports")) or [{}]):
            name, protocol = str(port.get("name") or ""), str(port.get("protocol") or "TCP")
            number = _number(port.get("port"))
            for endpoint in map(_mapping, _list(one.get("endpoints"))):
                for address in _addresses(endpoint.get("addresses")):
                    if number or not port:
                        known[name, protocol, address, number] = _endpoint(endpoint, address, number)
    return {
        key: [(name, protocol, one) for (name, protocol, _, _), one in sorted(known.items())]
        for key, known in found.items()
    }


def _endpoint(entry: Mapping[str, Any], address: bytes, port: int) -> Endpoint:
    conditions = _mapping(entry.get("conditions"))
    ready = conditions.get("ready") is not False  # not said is taken for ready, as the API has it
    hints = _mapping(entry.get("hints"))
    return Endpoint(
        address,
        port,
        ready,
        conditions.get("serving", ready) is not False,
        conditions.get("terminating") is True,
        _names(hints.get("forZones")),
        str(entry.get("nodeName") or ""),
        str(entry.get("hostname") or ""),
        _names(hints.get("forNodes")),
    )


def _names(hints: Any) -> frozenset[str]:
    return frozenset(str(_mapping(hint).get("name")) for hint in _list(hints))


def _addresses(texts: Any) -> list[bytes]:
    return [packed for text in _list(texts) if (packed := _address(text)) is not None]


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
