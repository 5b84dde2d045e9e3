"""Which CNI a cluster runs, from its own objects, and the adapter for it."""

from __future__ import annotations

from collections.abc import Callable

from bronzewillow.adapters import antrea, calico, cilium, flannel, objects
from bronzewillow.adapters.calico_ipam import Datastore, vxlan_families
from bronzewillow.adapters.cilium_identity import CILIUM_NODES
from bronzewillow.adapters.network import (
    CONFIG_MAPS,
    NODES,
    Cluster,
    ClusterNetwork,
    Cni,
    Publication,
    Resource,
    Us,
)

ANTREA_AGENT_INFOS = Resource("crd.antrea.io", "v1beta1", "antreaagentinfos")

Adapt = Callable[[Cluster, Us], ClusterNetwork]

ADAPTERS: dict[Cni, Adapt] = {
    Cni.FLANNEL: flannel.adapt,
    Cni.CALICO: calico.adapt,
    Cni.ANTREA: antrea.adapt,
    Cni.CILIUM: cilium.adapt,
}

_LEAVE: dict[Cni, Callable[[Cluster, Us], tuple[Publication, ...]]] = {
    Cni.CALICO: calico.leave,
    Cni.CILIUM: cilium.leave,
}


def detect(cluster: Cluster) -> Cni | None:
    """The CNI of a cluster; the first that shows itself. None when none does.

    With Calico's policies over Flannel's network, Flannel carries the traffic: Calico has no VXLAN pool then.
    """
    if cluster.config_map("kube-system", "cilium-config") is not None or cluster.all(CILIUM_NODES):
        return Cni.CILIUM
    if any(name.startswith("kube-system/antrea-config") for name in cluster.all(CONFIG_MAPS)):
        return Cni.ANTREA
    if cluster.all(ANTREA_AGENT_INFOS):
        return Cni.ANTREA
    nodes = cluster.all(NODES).values()
    if any(calico.PREFIX + "IPv4Address" in objects.annotations_of(node) for node in nodes) and _vxlan_pool(
        cluster
    ):
        return Cni.CALICO
    if any(flannel.is_peer(node) for node in nodes):
        return Cni.FLANNEL
    return None


def leave(cni: Cni, cluster: Cluster, us: Us) -> tuple[Publication, ...]:
    """What a node that goes for good must withdraw, in order. Flannel and Antrea follow the Node object."""
    withdraw = _LEAVE.get(cni)
    return withdraw(cluster, us) if withdraw is not None else ()


def _vxlan_pool(cluster: Cluster) -> bool:
    store = Datastore.of(cluster)
    return store is not None and bool(vxlan_families(cluster, store))
