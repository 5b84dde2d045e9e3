"""What an EndpointSlice says. Malformed objects are passed over. Source: kubernetes/kubernetes, pkg/proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
_SERVICE_OF = "kubernetes.io/service-name"


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


Endpoints = dict[tuple[str, str, bytes, int], Endpoint]
"""By port name, protocol, address and number."""


def service_of(one: Json) -> tuple[str, str] | None:
    """Whose slice it is."""
    metadata = mapping(one.get("metadata"))
    service = mapping(metadata.get("labels")).get(_SERVICE_OF)
    return (str(metadata.get("namespace")), service) if isinstance(service, str) else None


def slice_name(one: Json, name: str = "") -> str:
    """`name`: for one that has none of its own."""
    return str(mapping(one.get("metadata")).get("name") or name)


def endpoints_of(one: Json) -> Endpoints:
    """The endpoints in a slice."""
    found: Endpoints = {}
    # a headless Service may have no ports: its pods are known by address alone
    for port in map(mapping, items(one.get("ports")) or [{}]):
        name, protocol = str(port.get("name") or ""), str(port.get("protocol") or "TCP")
        number = number_of(port.get("port"))
        for endpoint in map(mapping, items(one.get("endpoints"))):
            for address in addresses(endpoint.get("addresses")):
                if number or not port:
                    found[name, protocol, address, number] = _endpoint(endpoint, address, number)
    return found


def _endpoint(entry: Mapping[str, Any], address: bytes, port: int) -> Endpoint:
    conditions = mapping(entry.get("conditions"))
    ready = conditions.get("ready") is not False  # not said is taken for ready, as the API has it
    hints = mapping(entry.get("hints"))
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
    return frozenset(str(mapping(hint).get("name")) for hint in items(hints))


def addresses(texts: Any) -> list[bytes]:
    """Those that can be read."""
    return [packed for text in items(texts) if (packed := _address(text)) is not None]


def _address(text: Any) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed if isinstance(text, str) else None
    except ValueError:
        return None


def number_of(value: Any) -> int:
    """0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def mapping(value: Any) -> Mapping[str, Any]:
    """Empty for what is none."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Empty for what is no list."""
    return value if isinstance(value, list) else []
