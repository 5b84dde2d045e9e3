"""Reading what strangers wrote: annotations, addresses, prefixes. What is malformed counts as absent."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from typing import Any, cast

from bronzewillow.adapters.network import Json
from bronzewillow.overlay.mtu import outer_bytes
from bronzewillow.overlay.spec import Prefix

_LARGEST_MTU = 65_000  # of a loopback interface: an IPv4 packet must hold it with its encapsulation
IPV4, IPV6 = 4, 16
"""The sizes of packed addresses, which name their families."""


def mapping(value: Any) -> dict[str, Any]:
    """`value` when it is an object, else an empty one."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """`value` when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def metadata_of(obj: Json) -> dict[str, Any]:
    """The object's metadata."""
    return mapping(obj.get("metadata"))


def annotations_of(obj: Json) -> dict[str, str]:
    """The object's annotations that are text."""
    found = mapping(metadata_of(obj).get("annotations"))
    return {key: value for key, value in found.items() if isinstance(value, str)}


def spec_of(obj: Json) -> dict[str, Any]:
    """The object's spec."""
    return mapping(obj.get("spec"))


def data_of(config_map: Json | None) -> dict[str, str]:
    """The texts in a ConfigMap, by key."""
    found = mapping((config_map or {}).get("data"))
    return {key: value for key, value in found.items() if isinstance(value, str)}


def json_text(text: str | None) -> dict[str, Any]:
    """The object that `text` is in JSON; empty when it is none."""
    try:
        return mapping(json.loads(text or ""))
    except (ValueError, RecursionError):
        return {}


def address(text: Any) -> bytes | None:
    """A packed address."""
    if not isinstance(text, str):
        return None
    try:
        return ipaddress.ip_address(text.strip()).packed
    except ValueError:
        return None


def address_in_cidr(text: Any) -> bytes | None:
    """The address of `192.0.2.1/24`, or of `192.0.2.1`."""
    return address(text.partition("/")[0]) if isinstance(text, str) else None


def prefix(text: Any) -> Prefix | None:
    """A network, host bits refused."""
    if not isinstance(text, str):
        return None
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError:
        return None
    return network.network_address.packed, network.prefixlen


def host(packed: bytes) -> Prefix:
    """The prefix of one address."""
    return packed, 8 * len(packed)


def text_of(packed: bytes) -> str:
    """An address as people write it."""
    return str(ipaddress.ip_address(packed))


def text_of_prefix(network: Prefix) -> str:
    """A prefix as people write it."""
    return f"{text_of(network[0])}/{network[1]}"


def mac(text: Any) -> bytes | None:
    """A unicast MAC of six colon-separated bytes."""
    if not isinstance(text, str) or len(text) != 17:
        return None
    try:
        packed = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return None
    return packed if len(packed) == 6 and not packed[0] & 1 else None


def node_addresses(node: Json) -> dict[int, bytes]:
    """By family, the first InternalIP, else the first ExternalIP: what all four CNIs take."""
    found: dict[int, bytes] = {}
    statuses = [mapping(entry) for entry in items(mapping(node.get("status")).get("addresses"))]
    for kind in ("InternalIP", "ExternalIP"):
        for entry in statuses:
            packed = address(entry.get("address"))
            if entry.get("type") == kind and packed is not None:
                found.setdefault(len(packed), packed)
    return found


def zone(node: Json | None) -> str:
    """Where a Node stands, as topology hints name it; empty where that is not said."""
    labels = mapping(metadata_of(node or {}).get("labels"))
    return str(labels.get("topology.kubernetes.io/zone") or "")


def pod_cidrs(node: Json) -> tuple[Prefix, ...]:
    """The prefixes that the controller manager gave to a Node, at most one of each family."""
    fields = spec_of(node)
    texts = items(fields.get("podCIDRs")) or [fields.get("podCIDR")]
    found: dict[int, Prefix] = {}
    for text in texts:
        network = prefix(text)
        if network is not None:
            found.setdefault(len(network[0]), network)
    return tuple(found.values())


def unserved(cidrs: tuple[Prefix, ...], addresses: tuple[bytes, ...]) -> list[str]:
    """What to say of podCIDRs without an underlay, where each family of pods has one of its own."""
    return [
        f"podCIDR {text_of_prefix(cidr)} is not served: this machine has no address of {family_of(cidr[0])}"
        for cidr in cidrs
        if all(len(address) != len(cidr[0]) for address in addresses)
    ]


def family_of(packed: bytes) -> str:
    """What people call an address's family."""
    return "IPv4" if len(packed) == IPV4 else "IPv6"


def of_family(prefixes: tuple[Prefix, ...], family: int) -> tuple[Prefix, ...]:
    """Those of one family."""
    return tuple(network for network in prefixes if len(network[0]) == family)


def stable_mac(node_name: str, family: int = IPV4) -> bytes:
    """A locally administered MAC that a node keeps for life: peers add what is new and keep what was."""
    name = node_name if family == IPV4 else node_name + "-v6"
    return b"\x02" + hashlib.sha1(name.encode(), usedforsecurity=False).digest()[:5]


def overlay_mtu(underlay_mtu: int, outer_family: int, configured: int = 0) -> int:
    """The largest inner packet: what the underlay leaves, or less where the cluster is configured so."""
    ours = min(underlay_mtu - outer_bytes(outer_family), _LARGEST_MTU)
    return min(ours, configured) if configured else ours
