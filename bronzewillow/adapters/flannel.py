"""Flannel's VXLAN backend, of kubeadm and of k3s: Node annotations, read and written.

Peers convert a Node when its annotations change and give up while it has no podCIDR, for good: so the podCIDR
comes first. The annotation `kube-subnet-manager` must outlive everything but the Node, or peers keep stale
routes. Peers of both families take a Node that has an address of each or not at all, and see a change only
where the texts of both families change: so each names the addresses of both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bronzewillow.adapters import objects
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
from bronzewillow.adapters.objects import IPV4, IPV6, overlay_mtu, stable_mac
from bronzewillow.overlay.mtu import outer_bytes
from bronzewillow.overlay.spec import OverlaySpec, Peer, contains
from bronzewillow.wire.encap import Encap

PREFIX = "flannel.alpha.coreos.com/"
_DEFAULT_PORT = 8472  # the kernel's, which k3s and kubeadm clusters use
_DEFAULT_VNI = 1


@dataclass(frozen=True, slots=True)
class _Family:
    """What differs between the two devices of a dual-stack node."""

    size: int
    public_ip: str
    backend_data: str


_FAMILIES = (
    _Family(IPV4, "public-ip", "backend-data"),
    _Family(IPV6, "public-ipv6", "backend-v6-data"),
)


def adapt(cluster: Cluster, us: Us) -> ClusterNetwork:
    """The overlay of a Flannel cluster. A pure function of its arguments."""
    conf = _net_conf(cluster)
    backend = objects.mapping(conf.get("Backend"))
    refusals = _refusals(backend, cluster, us)
    if refusals:
        return ClusterNetwork(Cni.FLANNEL, refusals=refusals)
    node = cluster.node(us.name)
    if node is None:
        return ClusterNetwork(Cni.FLANNEL, waiting_for=(f"the Node {us.name}",))
    cidrs = objects.pod_cidrs(node)
    if not cidrs:
        waiting = f"a podCIDR of Node {us.name}, which the controller manager gives (--allocate-node-cidrs)"
        return ClusterNetwork(Cni.FLANNEL, waiting_for=(waiting,))
    served = _served_families(conf, cluster, us)
    refusals = _family_refusals(us, cidrs, served)
    if refusals:
        return ClusterNetwork(Cni.FLANNEL, refusals=refusals)
    vni, port = _number(backend, "VNI", _DEFAULT_VNI), _number(backend, "Port", _DEFAULT_PORT)
    own = objects.annotations_of(node)
    overlays: list[OverlaySpec] = []
    warnings = _outside_network(conf, cidrs)
    published = {PREFIX + "kube-subnet-manager": "true", PREFIX + "backend-type": "vxlan"}
    for family in (one for one in _FAMILIES if one.size in served):
        ours = [cidr for cidr in cidrs if len(cidr[0]) == family.size]
        addresses = [packed for packed in us.addresses if len(packed) == family.size]
        if not ours or not addresses:
            continue
        address = addresses[0]
        mac = _mac_of(own.get(PREFIX + family.backend_data)) or stable_mac(us.name, family.size)
        peers, left_out = _peers(cluster, us, family, vni, port)
        warnings += left_out
        mtu = overlay_mtu(us.underlay_mtu, family.size, _configured_mtu(backend, family.size))
        ends = Encap.VXLAN, address, port, vni, (ours[0],), mac, mtu, peers
        overlays.append(OverlaySpec(*ends, mac_rule=us.mac_rule))
        published[PREFIX + family.public_ip] = objects.text_of(address)
    for family, overlay in zip(
        (one for one in _FAMILIES if PREFIX + one.public_ip in published), overlays, strict=True
    ):
        data: dict[str, Any] = {"VNI": vni, "VtepMAC": overlay.mac.hex(":")}
        if len(overlays) > 1:
            data["PublicIPs"] = [objects.text_of(one.address) for one in overlays]
        published[PREFIX + family.backend_data] = json.dumps(data, separators=(",", ":"))
    publication = Publication(Write.MERGE_STATUS, NODES, us.name, {"metadata": {"annotations": published}})
    return ClusterNetwork(Cni.FLANNEL, tuple(overlays), (publication,), warnings=tuple(warnings))


def _served_families(conf: dict[str, Any], cluster: Cluster, us: Us) -> set[int]:
    """What flanneld on the other nodes runs with; both, where that cannot be seen."""
    if conf:
        enabled = {IPV4: conf.get("EnableIPv4") is not False, IPV6: conf.get("EnableIPv6") is True}
        return {size for size, is_on in enabled.items() if is_on}
    notes = [objects.annotations_of(node) for name, node in cluster.all(NODES).items() if name != us.name]
    seen = {family.size for family in _FAMILIES if any(PREFIX + family.public_ip in one for one in notes)}
    return seen or {IPV4, IPV6}


def _family_refusals(us: Us, cidrs: tuple[tuple[bytes, int], ...], served: set[int]) -> tuple[Refusal, ...]:
    wanted = served & {len(network) for network, _ in cidrs}
    missing = wanted - {len(address) for address in us.addresses}
    if wanted and not missing:
        return ()
    if not wanted:
        families = " and ".join(objects.family_of(network) for network, _ in cidrs)
        reason = f"Node {us.name} has podCIDRs of {families}, and Flannel's other nodes have none of that"
        return (Refusal(reason, "give the cluster podCIDRs of the family that Flannel is configured for"),)
    families = " and ".join(sorted(objects.family_of(bytes(size)) for size in missing))
    reason = f"Node {us.name} has a podCIDR of {families}, and this machine has no address of that"
    if len(wanted) > 1:
        reason += ": Flannel's nodes leave out one that has not both"
    return (Refusal(reason, "give this machine such an address, or the cluster podCIDRs of ours alone"),)


def is_peer(node: Json) -> bool:
    """Whether flanneld, or somebody who speaks as it does, has published this Node."""
    return objects.annotations_of(node).get(PREFIX + "backend-type") == "vxlan"


def _net_conf(cluster: Cluster) -> dict[str, Any]:
    """net-conf.json; empty in k3s, which has none and means its defaults."""
    for namespace in ("kube-flannel", "kube-system"):
        found = objects.data_of(cluster.config_map(namespace, "kube-flannel-cfg"))
        if "net-conf.json" in found:
            return objects.json_text(found["net-conf.json"])
    return {}


def _refusals(backend: dict[str, Any], cluster: Cluster, us: Us) -> tuple[Refusal, ...]:
    where = "net-conf.json of ConfigMap kube-flannel-cfg"
    refusals = []
    kind = backend.get("Type")
    if kind is not None and kind != "vxlan":
        refusals.append(
            Refusal(
                f"Backend.Type in {where} is {kind!r}", 'set it to "vxlan": other backends need root here'
            )
        )
    if backend.get("DirectRouting") is True:
        reason = f"Backend.DirectRouting in {where} is true: peers on our network would not encapsulate"
        refusals.append(Refusal(reason, "set it to false and restart flanneld on all nodes"))
    if backend.get("GBP") is True:
        reason = f"Backend.GBP in {where} is true: its flag is none that this node takes"
        refusals.append(Refusal(reason, "set it to false and restart flanneld on all nodes"))
    if kind is None:
        others = {
            objects.annotations_of(node).get(PREFIX + "backend-type")
            for name, node in cluster.all(NODES).items()
            if name != us.name
        }
        for other in sorted(found for found in others if found and found != "vxlan"):
            reason = f"other Nodes have the annotation {PREFIX}backend-type={other}"
            refusals.append(
                Refusal(reason, "run Flannel with the vxlan backend (k3s: --flannel-backend=vxlan)")
            )
    return tuple(refusals)


def _peers(
    cluster: Cluster, us: Us, family: _Family, vni: int, port: int
) -> tuple[tuple[Peer, ...], list[str]]:
    peers: list[Peer] = []
    left_out: list[str] = []
    for name, node in sorted(cluster.all(NODES).items()):
        notes = objects.annotations_of(node)
        if name == us.name or not is_peer(node) or notes.get(PREFIX + "kube-subnet-manager") != "true":
            continue
        if PREFIX + family.backend_data not in notes:
            continue  # not a node of this family
        address = objects.address(notes.get(PREFIX + family.public_ip))
        data = objects.json_text(notes[PREFIX + family.backend_data])
        mac = objects.mac(data.get("VtepMAC"))
        prefixes = objects.of_family(objects.pod_cidrs(node), family.size)
        if address is None or len(address) != family.size or mac is None:
            left_out.append(f"Node {name}: its annotations {PREFIX}* are not whole")
        elif not prefixes:
            left_out.append(f"Node {name} has no podCIDR yet")
        elif data.get("VNI") != vni:
            left_out.append(f"Node {name} has VNI {data.get('VNI')}, and the overlay {vni}")
        else:
            peers.append(Peer(name, address, port, mac, prefixes))
    return tuple(peers), left_out


def _outside_network(conf: dict[str, Any], cidrs: tuple[tuple[bytes, int], ...]) -> list[str]:
    warnings = []
    for key, size in (("Network", IPV4), ("IPv6Network", IPV6)):
        network = objects.prefix(conf.get(key))
        for cidr in cidrs:
            if network is not None and len(cidr[0]) == size and not contains(network, cidr[0]):
                ours = objects.text_of_prefix(cidr)
                warnings.append(
                    f"our podCIDR {ours} is outside {key} {conf[key]} of net-conf.json: peers will masquerade"
                    " what their pods send here"
                )
    return warnings


def _mac_of(data: str | None) -> bytes | None:
    return objects.mac(objects.json_text(data).get("VtepMAC"))


def _number(backend: dict[str, Any], key: str, default: int) -> int:
    value = backend.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _configured_mtu(backend: dict[str, Any], outer_family: int) -> int:
    """`Backend.MTU` is the external interface's; Flannel takes 50 off it for IPv6, too: too little."""
    mtu = _number(backend, "MTU", 0)
    return mtu - outer_bytes(outer_family) if mtu else 0
