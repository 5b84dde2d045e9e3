"""Calico with VXLAN in the Kubernetes datastore: annotations make a VTEP, blocks of its IPAM make a route.

Both defaults that Calico ships with are CrossSubnet: peers on our network would then send without
encapsulation. So this node's pods live in a pool of their own, with vxlanMode Always; the books of it are in
`calico_ipam.py`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from bronzewillow.adapters import calico_ipam, objects
from bronzewillow.adapters.calico_ipam import Datastore
from bronzewillow.adapters.network import (
    NODES,
    Cluster,
    ClusterNetwork,
    Cni,
    Json,
    Publication,
    Refusal,
    Us,
    Write,
)
from bronzewillow.adapters.objects import IPV4, IPV6, overlay_mtu
from bronzewillow.overlay.spec import OverlaySpec, Peer, Prefix, contains, node_address
from bronzewillow.wire.encap import Encap

PREFIX = "projectcalico.org/"
_DEFAULT_PORT = 4789
_DEFAULT_VNI = 4096
_KEYS = {
    IPV4: ("IPv4Address", "IPv4VXLANTunnelAddr", "VXLANTunnelMACAddr"),
    IPV6: ("IPv6Address", "IPv6VXLANTunnelAddr", "VXLANTunnelMACAddrV6"),
}


def adapt(cluster: Cluster, us: Us) -> ClusterNetwork:
    """The overlay of a Calico cluster. A pure function of its arguments."""
    store = Datastore.of(cluster)
    if store is None:
        reason = "the cluster has no IPPool, of crd.projectcalico.org nor of projectcalico.org"
        cure = "install Calico with the Kubernetes datastore, or let this node read its resources"
        return ClusterNetwork(Cni.CALICO, refusals=(Refusal(reason, cure),))
    felix = _felix(cluster, store, us)
    pools = _own_pools(cluster, store, us)
    refusals = (*_mode_refusals(felix), *_pool_refusals(cluster, store, us, pools))
    if refusals:
        return ClusterNetwork(Cni.CALICO, refusals=refusals)
    if cluster.node(us.name) is None:
        return ClusterNetwork(Cni.CALICO, waiting_for=(f"the Node {us.name}",))
    vni, port = _number(felix, "vxlanVNI", _DEFAULT_VNI), _number(felix, "vxlanPort", _DEFAULT_PORT)
    overlays: list[OverlaySpec] = []
    used: list[Prefix] = []
    warnings = _warnings(felix) + objects.unserved(tuple(pools), us.addresses)
    mtu = _pod_mtu(cluster, store, us, felix)
    notes: dict[str, str] = {}
    for size in (IPV4, IPV6):
        ours = objects.of_family(tuple(pools), size)
        addresses = [packed for packed in us.addresses if len(packed) == size]
        if not ours or not addresses:
            continue
        block = calico_ipam.first_block(ours[0])
        tunnel = node_address(block)
        peers, left_out = _peers(cluster, store, us, size, port)
        warnings += left_out
        mac = vtep_mac(us.name, size)
        ends = Encap.VXLAN, addresses[0], port, vni, (block,), mac, mtu, peers
        overlays.append(OverlaySpec(*ends, mac_rule=us.mac_rule))
        used.append(ours[0])
        address_key, tunnel_key, _ = _KEYS[size]
        notes[PREFIX + address_key] = objects.text_of_prefix(objects.host(addresses[0]))
        notes[PREFIX + tunnel_key] = objects.text_of(tunnel)
    if not overlays:
        reason = f"the pools of {us.name} are of a family that this machine has no address of"
        return ClusterNetwork(Cni.CALICO, refusals=(Refusal(reason, "give this machine such an address"),))
    body = {"metadata": {"annotations": notes}}
    books = calico_ipam.publish(cluster, store, us, used)
    publications = (*books, Publication(Write.MERGE_STATUS, NODES, us.name, body))
    return ClusterNetwork(Cni.CALICO, tuple(overlays), publications, warnings=tuple(warnings))


def leave(cluster: Cluster, us: Us) -> tuple[Publication, ...]:
    """What takes this node out of the peers' tables, and its addresses out of the books, in that order."""
    notes = dict.fromkeys((PREFIX + key for keys in _KEYS.values() for key in keys[:2]), None)
    gone = Publication(Write.MERGE_STATUS, NODES, us.name, {"metadata": {"annotations": notes}})
    store = Datastore.of(cluster)
    return (gone, *calico_ipam.withdraw(cluster, store, us)) if store is not None else (gone,)


def vtep_mac(node_name: str, size: int = IPV4) -> bytes:
    """The MAC that nodes compute for one that has not published any: 0x66 and a hash of the name."""
    name = node_name if size == IPV4 else node_name + "-v6"
    return b"f" + hashlib.sha1(name.encode(), usedforsecurity=False).digest()[:5]


def _felix(cluster: Cluster, store: Datastore, us: Us) -> dict[str, Any]:
    """FelixConfiguration: the default, and what is said for this node alone."""
    found: dict[str, Any] = {}
    for name in ("default", f"node.{us.name}"):
        found |= objects.spec_of(cluster.get(store.felix_configurations, name) or {})
    return found


def _pod_mtu(cluster: Cluster, store: Datastore, us: Us, felix: dict[str, Any]) -> int:
    """The smallest of the devices that the cluster's pools need: peers' pods have it for both families."""
    sizes = calico_ipam.vxlan_families(cluster, store) | {len(pool[0]) for pool in us.pod_pools}
    keys = {IPV4: "vxlanMTU", IPV6: "vxlanMTUV6"}
    mtus = [overlay_mtu(us.underlay_mtu, size, _number(felix, keys[size], 0)) for size in sizes]
    return min(mtus, default=overlay_mtu(us.underlay_mtu, IPV4))


def _own_pools(cluster: Cluster, store: Datastore, us: Us) -> list[Prefix]:
    """The ranges of this node: given to it, or found in the cluster under the name that it uses."""
    if us.pod_pools:
        return list(us.pod_pools)
    found = []
    for size in (IPV4, IPV6):
        pool = cluster.get(store.ip_pools, calico_ipam.pool_name(us, size))
        cidr = objects.prefix(objects.spec_of(pool).get("cidr")) if pool is not None else None
        if cidr is not None:
            found.append(cidr)
    return found


def _mode_refusals(felix: dict[str, Any]) -> tuple[Refusal, ...]:
    refusals = []
    for key in ("wireguardEnabled", "wireguardEnabledV6"):
        if felix.get(key) is True:
            reason = f"{key} in FelixConfiguration default is true"
            refusals.append(Refusal(reason, "set it to false: this node has no key to take part with"))
    return tuple(refusals)


def _pool_refusals(cluster: Cluster, store: Datastore, us: Us, pools: list[Prefix]) -> tuple[Refusal, ...]:
    if not pools:
        reason = f"Calico gives no podCIDRs, and there is no IPPool {calico_ipam.pool_name(us, IPV4)}"
        cure = "give this node a free range of the pod network with --pod-pool, such as 10.65.0.0/24"
        return (Refusal(reason, cure),)
    refusals = []
    for pool in pools:
        text = objects.text_of_prefix(pool)
        name = calico_ipam.pool_name(us, len(pool[0]))
        for other, found in sorted(cluster.all(store.ip_pools).items()):
            fields = objects.spec_of(found)
            cidr = objects.prefix(fields.get("cidr"))
            if other == name:
                if cidr is not None and cidr != pool:
                    reason = (
                        f"IPPool {name} has {objects.text_of_prefix(cidr)}, and this node was given {text}"
                    )
                    refusals.append(Refusal(reason, "delete the pool, or give this node its range"))
                if fields.get("vxlanMode") not in (None, "Always"):
                    reason = f"vxlanMode of IPPool {name} is {fields['vxlanMode']}"
                    refusals.append(
                        Refusal(reason, "set it to Always: peers must encapsulate what they send here")
                    )
                if fields.get("disabled") is True:
                    refusals.append(Refusal(f"IPPool {name} is disabled", "enable it"))
            elif cidr is not None and (contains(cidr, pool[0]) or contains(pool, cidr[0])):
                reason = f"{text} overlaps IPPool {other}, {objects.text_of_prefix(cidr)}"
                refusals.append(Refusal(reason, "give this node a range that no pool has"))
        if not calico_ipam.fits(pool):
            refusals.append(
                Refusal(f"the pool {text} has no room for pods", "give this node a /28 or larger")
            )
    return tuple(refusals)


def _warnings(felix: dict[str, Any]) -> list[str]:
    if felix.get("bpfEnabled") is True:
        return [
            "bpfEnabled is true: NodePorts on other nodes do not reach pods here from outside the cluster"
        ]
    return []


def _peers(
    cluster: Cluster, store: Datastore, us: Us, size: int, port: int
) -> tuple[tuple[Peer, ...], list[str]]:
    prefixes = calico_ipam.prefixes_by_node(cluster, store, size)
    peers: list[Peer] = []
    left_out: list[str] = []
    address_key, tunnel_key, mac_key = _KEYS[size]
    for name, node in sorted(cluster.all(NODES).items()):
        if name == us.name:
            continue
        notes = objects.annotations_of(node)
        address = objects.address_in_cidr(notes.get(PREFIX + address_key))
        tunnel = objects.address(notes.get(PREFIX + tunnel_key))
        if address is None or tunnel is None or len(address) != size or len(tunnel) != size:
            if _runs_calico(node):
                left_out.append(f"Node {name} has no {tunnel_key}: it has no VXLAN device")
            continue
        mac = objects.mac(notes.get(PREFIX + mac_key)) or vtep_mac(name, size)
        own = (*prefixes.get(name, ()), objects.host(tunnel))
        peers.append(Peer(name, address, port, mac, tuple(dict.fromkeys(own))))
    return tuple(peers), left_out


def _runs_calico(node: Json) -> bool:
    return any(key.startswith(PREFIX) for key in objects.annotations_of(node))


def _number(fields: dict[str, Any], key: str, default: int) -> int:
    value = fields.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default
