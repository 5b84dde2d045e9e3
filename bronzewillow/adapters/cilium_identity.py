"""Cilium's names for who speaks: CiliumIdentity numbers a set of labels, CiliumEndpoint is a pod with one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bronzewillow.adapters import objects
from bronzewillow.adapters.network import (
    NAMESPACES,
    Cluster,
    Json,
    OwnPod,
    Publication,
    Resource,
    Us,
    Write,
)
from bronzewillow.adapters.objects import IPV4, IPV6

CILIUM_NODES = Resource("cilium.io", "v2", "ciliumnodes")
CILIUM_IDENTITIES = Resource("cilium.io", "v2", "ciliumidentities")
CILIUM_ENDPOINTS = Resource("cilium.io", "v2", "ciliumendpoints")

_FIRST, _LAST = 256, 65_535  # of the identities that agents allot; below are reserved ones
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
# Labels that say nothing of what a pod is, and so make no identity; Cilium's default `labels` filter.
_LEFT_OUT = re.compile(
    r"(?!app\.kubernetes\.io/)(?:.*beta\.kubernetes\.io/|(?:[^/]+\.)?(?:kubernetes|k8s)\.io/|io\.kubernetes"
    r"|pod-template-(?:hash|generation)$|controller-revision-hash$|controller-uid$|annotation\.|etcd_node$)"
)


@dataclass(frozen=True, slots=True)
class Identified:
    """What this node's pods are to Cilium."""

    vnis: tuple[tuple[bytes, int], ...]
    """The identity of each pod address that has one in the cluster: what its packets are sent with."""
    publications: tuple[Publication, ...]
    """Identities that are missing, endpoints, and the ends of endpoints whose pods are gone."""


def tunnel_end(us: Us, conf: Mapping[str, str]) -> bytes | None:
    """Our address of the family that nodes speak with each other by: where peers send packets to."""
    size = IPV6 if conf.get("underlay-protocol") == "ipv6" else IPV4
    return next((address for address in us.addresses if len(address) == size), None)


def identify(cluster: Cluster, us: Us, conf: Mapping[str, str]) -> Identified:
    """Find an identity for each pod, or make one. Its number is spoken only once the cluster has it."""
    known = _known(cluster)
    taken = {int(name) for name in cluster.all(CILIUM_IDENTITIES) if name.isascii() and name.isdigit()}
    vnis: list[tuple[bytes, int]] = []
    publications: list[Publication] = []
    wanted: set[str] = set()
    for pod in sorted(us.pods, key=lambda pod: (pod.namespace, pod.name)):
        wanted.add(f"{pod.namespace}/{pod.name}")
        labels = security_labels(cluster, pod, conf.get("cluster-name") or "default")
        key = tuple(sorted(labels.items()))
        number = known.get(key)
        if number is None:
            number = known[key] = _free(labels, taken)
            taken.add(number)
            publications.append(_identity(number, labels, pod))
        if str(number) in cluster.all(CILIUM_IDENTITIES):
            vnis += [(address, number) for address in pod.addresses]
            end = tunnel_end(us, conf) or us.addresses[0]
            publications.append(_endpoint(end, pod, number, labels))
    publications += [
        Publication(Write.DELETE, CILIUM_ENDPOINTS, name, {})
        for name in endpoints_here(cluster, us)
        if name not in wanted
    ]
    return Identified(tuple(vnis), tuple(publications))


def endpoints_here(cluster: Cluster, us: Us) -> list[str]:
    """The names of the endpoints that are said to be on this node."""
    ours = [objects.text_of(packed) for packed in us.addresses]
    found = []
    for name, endpoint in sorted(cluster.all(CILIUM_ENDPOINTS).items()):
        networking = objects.mapping(objects.mapping(endpoint.get("status")).get("networking"))
        if networking.get("node") in ours:
            found.append(name)
    return found


def security_labels(cluster: Cluster, pod: OwnPod, cluster_name: str) -> dict[str, str]:
    """The labels that decide what policies say of a pod."""
    labels = {f"k8s:{key}": value for key, value in pod.labels.items() if not _LEFT_OUT.match(key)}
    namespace = objects.metadata_of(cluster.get(NAMESPACES, pod.namespace) or {})
    given = objects.mapping(namespace.get("labels")) or {"kubernetes.io/metadata.name": pod.namespace}
    labels |= {f"k8s:{_NAMESPACE_LABELS}{key}": str(value) for key, value in given.items()}
    labels["k8s:io.cilium.k8s.policy.cluster"] = cluster_name
    labels["k8s:io.cilium.k8s.policy.serviceaccount"] = pod.service_account
    labels["k8s:io.kubernetes.pod.namespace"] = pod.namespace
    return labels


def _known(cluster: Cluster) -> dict[tuple[tuple[str, str], ...], int]:
    """Label sets that have a number; of several the oldest object counts, as agents have it."""
    found: dict[tuple[tuple[str, str], ...], tuple[str, int]] = {}
    for name, identity in cluster.all(CILIUM_IDENTITIES).items():
        if not (name.isascii() and name.isdigit()):
            continue
        labels = objects.mapping(identity.get("security-labels"))
        key = tuple(sorted((str(label), str(value)) for label, value in labels.items()))
        age = str(objects.metadata_of(identity).get("creationTimestamp") or "")
        if key not in found or (age, int(name)) < found[key]:
            found[key] = age, int(name)
    return {key: number for key, (_, number) in found.items()}


def _free(labels: Mapping[str, str], taken: set[int]) -> int:
    """A number that nobody has. It starts from the labels, so that nodes rarely want the same at once."""
    count = _LAST - _FIRST + 1
    text = json.dumps(labels, sort_keys=True).encode()
    start = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
    for step in range(count):
        number = _FIRST + (start + step) % count
        if number not in taken:
            return number
    return _LAST  # all are taken: creating it fails, and says so


def _identity(number: int, labels: Mapping[str, str], pod: OwnPod) -> Publication:
    plain = {key.removeprefix("k8s:"): value for key, value in labels.items()}
    own = {key: value for key, value in plain.items() if not key.startswith("io.cilium.k8s.")}
    body = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumIdentity",
        "metadata": {"name": str(number), "labels": own},
        "security-labels": dict(labels),
    }
    return Publication(Write.ENSURE, CILIUM_IDENTITIES, str(number), body)


def _endpoint(end: bytes, pod: OwnPod, number: int, labels: Mapping[str, str]) -> Publication:
    addressing = {
        "ipv4" if len(address) == IPV4 else "ipv6": objects.text_of(address) for address in pod.addresses
    }
    ports = [{"name": name, "port": port, "protocol": "TCP"} for name, port in pod.ports]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}
    body: Json = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumEndpoint",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "ownerReferences": [owner]},
        "status": {
            "id": _endpoint_id(pod),
            "state": "ready",
            "identity": {"id": number, "labels": [f"{key}={value}" for key, value in sorted(labels.items())]},
            "networking": {"addressing": [addressing], "node": objects.text_of(end)},
            "encryption": {},
            "named-ports": ports,
        },
    }
    return Publication(Write.ENSURE, CILIUM_ENDPOINTS, f"{pod.namespace}/{pod.name}", body)


def _endpoint_id(pod: OwnPod) -> int:
    """Local to a node, and of no meaning elsewhere; stable for a pod."""
    return int.from_bytes(hashlib.sha256(pod.uid.encode()).digest()[:2], "big") or 1
