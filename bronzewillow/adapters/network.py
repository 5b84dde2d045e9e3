"""What an adapter is given, and what it says: the overlay, what to publish, and why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bronzewillow.overlay.spec import OverlaySpec, Prefix
from bronzewillow.wire.ethernet import MacRule

Json = Mapping[str, Any]
"""An object as the API server gave it; nothing of it is trusted to be there."""


class Cni(StrEnum):
    """The CNIs whose peer this node can be."""

    FLANNEL = "flannel"
    CALICO = "calico"
    ANTREA = "antrea"
    CILIUM = "cilium"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as it stands in URLs."""

    group: str
    """The API group; empty for the core."""
    version: str
    """Its version, such as v1."""
    plural: str
    """The kind in the plural and in small letters."""

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


NODES = Resource("", "v1", "nodes")
CONFIG_MAPS = Resource("", "v1", "configmaps")
NAMESPACES = Resource("", "v1", "namespaces")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The objects that tell of a cluster's network."""

    objects: Mapping[Resource, Mapping[str, Json]] = field(default_factory=dict)
    """By kind, then by name, or by namespace/name. A kind that the cluster does not know is absent."""

    def all(self, resource: Resource) -> Mapping[str, Json]:
        """The objects of a kind by name; empty when the cluster does not know it."""
        return self.objects.get(resource, {})

    def get(self, resource: Resource, name: str) -> Json | None:
        """The object of that name (`namespace/name`, or `name` alone); None where there is none."""
        return self.all(resource).get(name)

    def node(self, name: str) -> Json | None:
        """The Node of that name; None where the cluster has none."""
        return self.get(NODES, name)

    def config_map(self, namespace: str, name: str) -> Json | None:
        """The ConfigMap of that name; None where it is not there or may not be read."""
        return self.get(CONFIG_MAPS, f"{namespace}/{name}")


@dataclass(frozen=True, slots=True)
class OwnPod:
    """A pod of this node, as a CNI that keeps books of addresses wants to know it."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    service_account: str
    addresses: tuple[bytes, ...]
    """Its addresses, of 4 or 16 bytes."""
    sandbox: str = ""
    """The container id that its addresses were asked for with."""
    ports: tuple[tuple[str, int], ...] = ()
    """Named container ports."""


@dataclass(frozen=True, slots=True)
class Us:
    """What an adapter is told of the node that it adapts the cluster's objects for."""

    name: str
    """The Node object's name."""
    addresses: tuple[bytes, ...]
    """Underlay addresses, at most one of each family; bound, and published."""
    underlay_mtu: int = 1500
    """Of the interface that has them."""
    uid: str = ""
    """The Node object's UID, for owner references; empty while it is not known."""
    pods: tuple[OwnPod, ...] = ()
    """The pods that are here."""
    pod_pools: tuple[Prefix, ...] = ()
    """Ranges that an administrator gave to this node's pods, where the CNI has no podCIDRs: Calico."""
    mac_rule: MacRule = MacRule.NOTE
    """For frames of peers that promise to send to our MAC: those of Flannel and Calico."""


class Write(StrEnum):
    """How a publication is brought about."""

    MERGE = "merge"
    """A merge patch of the object, which must be there."""
    MERGE_STATUS = "merge status"
    """The same through its status sub-resource."""
    ENSURE = "ensure"
    """Created when absent, else replaced where it differs, at the version that was read."""
    DELETE = "delete"
    """Gone."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One thing that peers must be able to read, in the order in which they must come to be."""

    write: Write
    resource: Resource
    name: str
    """The object's name, or namespace/name."""
    body: Json
    """The fields that must stand there; for DELETE empty."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why this node cannot be a peer of this cluster as it is."""

    reason: str
    """What was found, with the name of the object and the key."""
    cure: str
    """What an administrator can do about it."""

    def __str__(self) -> str:
        return f"{self.reason}; {self.cure}"


@dataclass(frozen=True, slots=True)
class ClusterNetwork:
    """What an adapter says. An overlay is there when nothing is refused and nothing is waited for."""

    cni: Cni
    overlays: tuple[OverlaySpec, ...] = ()
    """One for each underlay family in use."""
    publications: tuple[Publication, ...] = ()
    """In order; each waits for the one before it."""
    waiting_for: tuple[str, ...] = ()
    """What somebody else has to do first, such as giving this Node a podCIDR."""
    refusals: tuple[Refusal, ...] = ()
    """Modes that no unprivileged process can take part in."""
    warnings: tuple[str, ...] = ()
    """What will not work, or a peer that is left out, and why."""
