"""Recorded clusters for tests of adapters: objects in YAML as `kubectl get` prints them; verdicts as text."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from bronzewillow.adapters import objects
from bronzewillow.adapters.network import Cluster, ClusterNetwork, Json, OwnPod, Resource, Us
from bronzewillow.overlay.spec import OverlaySpec


def load_cluster(path: Path) -> tuple[Cluster, Us]:
    """The objects of a file, and the node that its first document, of kind `Us`, describes."""
    us, *documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return cluster_of(documents), _us(us)


def cluster_of(documents: Iterable[Json]) -> Cluster:
    """Objects by kind and name."""
    found: dict[Resource, dict[str, Json]] = {}
    for document in documents:
        group, _, version = document["apiVersion"].rpartition("/")
        kind = document["kind"].lower()
        plural = kind[:-1] + "ies" if kind.endswith("y") else kind + "s"
        metadata = document["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
        found.setdefault(Resource(group, version, plural), {})[name] = document
    return Cluster(found)


def render(network: ClusterNetwork) -> str:
    """All that an adapter says, for people who review it."""
    lines = [f"cni {network.cni.value}"]
    for overlay in network.overlays:
        lines += _overlay(overlay)
    lines += [f"waiting for {text}" for text in network.waiting_for]
    lines += [f"refused: {refusal}" for refusal in network.refusals]
    lines += [f"warning: {text}" for text in network.warnings]
    for publication in network.publications:
        lines.append(f"{publication.write.value} {publication.resource} {publication.name}")
        if publication.body:
            lines += [f"  {line}" for line in _short(publication.body).splitlines()]
    return "\n".join(lines) + "\n"


def _overlay(overlay: OverlaySpec) -> list[str]:
    cidrs = " ".join(objects.text_of_prefix(cidr) for cidr in overlay.pod_cidrs)
    vni = f"{overlay.vni}{' (any taken)' if overlay.any_vni else ''}"
    mac = f"{overlay.mac.hex(':')} ({overlay.mac_rule.value})"
    lines = [
        f"{overlay.encap.value} {objects.text_of(overlay.address)}:{overlay.port} vni {vni}"
        f" mac {mac} mtu {overlay.mtu} pods {cidrs}"
    ]
    lines += [f"  vni {vni} from {objects.text_of(source)}" for source, vni in overlay.source_vnis]
    for peer in overlay.peers:
        prefixes = " ".join(objects.text_of_prefix(prefix) for prefix in peer.prefixes)
        lines.append(
            f"  {peer.name} {objects.text_of(peer.address)}:{peer.port} mac {peer.mac.hex(':')} {prefixes}"
        )
    return lines


def _short(body: Json) -> str:
    """YAML, with the long rows of an address block on one line each."""
    return yaml.safe_dump(json.loads(json.dumps(body)), sort_keys=False, default_flow_style=None, width=4096)


def _us(document: dict[str, Any]) -> Us:
    pods = tuple(
        OwnPod(
            pod["namespace"],
            pod["name"],
            pod["uid"],
            pod.get("labels", {}),
            pod.get("serviceAccount", "default"),
            tuple(ipaddress.ip_address(text).packed for text in pod["addresses"]),
            pod.get("sandbox", ""),
            tuple((name, port) for name, port in pod.get("ports", {}).items()),
        )
        for pod in document.get("pods", [])
    )
    networks = [ipaddress.ip_network(text) for text in document.get("podPools", [])]
    return Us(
        document["name"],
        tuple(ipaddress.ip_address(text).packed for text in document["addresses"]),
        document.get("underlayMtu", 1500),
        document.get("uid", ""),
        pods,
        tuple((network.network_address.packed, network.prefixlen) for network in networks),
    )
