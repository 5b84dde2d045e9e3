"""Cilium in tunnel mode with identities in CRDs: a CiliumNode makes a peer; the VNI says who is speaking.

With its CiliumNode alone our pods are `world` to every policy. Identities and endpoints
(`cilium_identity.py`) make them pods like others.
"""

from __future__ import annotations

from collections.abc import Mapping

from bronzewillow.adapters import cilium_identity, objects
from bronzewillow.adapters.cilium_identity import CILIUM_ENDPOINTS, CILIUM_NODES
from bronzewillow.adapters.network import (
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
from bronzewillow.overlay.spec import OverlaySpec, Peer, Prefix, node_address
from bronzewillow.wire.encap import Encap

WORLD = 2
"""The identity of whoever has none, and so the VNI of a pod that has no CiliumIdentity yet."""
_PORTS = {Encap.VXLAN: 8472, Encap.GENEVE: 6081}
_WHERE = "ConfigMap kube-system/cilium-config"


def adapt(cluster: Cluster, us: Us) -> ClusterNetwork:
    """The overlay of a Cilium cluster. A pure function of its arguments."""
    conf = objects.data_of(cluster.config_map("kube-system", "cilium-config"))
    refusals = _refusals(conf)
    if refusals:
        return ClusterNetwork(Cni.CILIUM, refusals=refusals)
    if CILIUM_NODES not in cluster.objects:
        waiting = f"the kind {CILIUM_NODES}, which Cilium's operator makes"
        return ClusterNetwork(Cni.CILIUM, waiting_for=(waiting,))
    node = cluster.node(us.name)
    if node is None or not us.uid:
        return ClusterNetwork(Cni.CILIUM, waiting_for=(f"the Node {us.name}",))
    ours = cluster.get(CILIUM_NODES, us.name)
    by_operator = conf.get("ipam", "cluster-pool") == "cluster-pool"
    cidrs = _pod_cidrs(ours or {}) if by_operator else objects.pod_cidrs(node)
    publications = [_own_node(us, cidrs, by_operator)]
    if not cidrs:
        who = "Cilium's operator gives" if by_operator else "the controller manager gives"
        waiting = f"podCIDRs of {'CiliumNode' if by_operator else 'Node'} {us.name}, which {who}"
        return ClusterNetwork(Cni.CILIUM, publications=tuple(publications), waiting_for=(waiting,))
    size = IPV6 if conf.get("underlay-protocol") == "ipv6" else IPV4
    end = cilium_identity.tunnel_end(us, conf)
    if end is None:
        reason = f"underlay-protocol in {_WHERE} asks for {'IPv6' if size == IPV6 else 'IPv4'} between nodes"
        return ClusterNetwork(Cni.CILIUM, refusals=(Refusal(reason, "give this machine such an address"),))
    encap = Encap(conf.get("tunnel-protocol") or conf.get("tunnel") or "vxlan")
    port = _number(conf, "tunnel-port") or _PORTS[encap]
    peers, warnings = _peers(cluster, us, size, port)
    if size == IPV6:
        warnings.append(
            f"underlay-protocol in {_WHERE} is ipv6: what agents send has no UDP checksum, and this machine"
            " may drop that"
        )
    if conf.get("enable-wireguard") == "true":
        warnings.append(f"enable-wireguard in {_WHERE} is true: what is sent to this node is not encrypted")
    identities = cilium_identity.identify(cluster, us, conf)
    publications += identities.publications
    overlay = OverlaySpec(
        encap,
        end,
        port,
        WORLD,
        cidrs,
        stable_mac(us.name),
        overlay_mtu(us.underlay_mtu, size, max(_number(conf, "mtu") - outer_bytes(size), 0)),
        peers=peers,
        any_vni=True,
        source_vnis=identities.vnis,
    )
    return ClusterNetwork(Cni.CILIUM, (overlay,), tuple(publications), warnings=tuple(warnings))


def leave(cluster: Cluster, us: Us) -> tuple[Publication, ...]:
    """What takes this node out of the peers' tables: its endpoints, then itself."""
    endpoints = cilium_identity.endpoints_here(cluster, us)
    gone = [Publication(Write.DELETE, CILIUM_ENDPOINTS, name, {}) for name in endpoints]
    if cluster.get(CILIUM_NODES, us.name) is not None:
        gone.append(Publication(Write.DELETE, CILIUM_NODES, us.name, {}))
    return tuple(gone)


def _refusals(conf: Mapping[str, str]) -> tuple[Refusal, ...]:
    refusals = []

    def refuse(key: str, cure: str) -> None:
        refusals.append(Refusal(f"{key} in {_WHERE} is {conf[key]}", cure))

    if conf.get("routing-mode", "tunnel") != "tunnel":
        refuse("routing-mode", "set it to tunnel: routed packets do not reach an unprivileged process")
    if conf.get("tunnel") == "disabled":
        refuse("tunnel", "set it to vxlan or geneve")
    for key in ("tunnel-protocol", "tunnel"):
        if conf.get(key, "vxlan") not in ("vxlan", "geneve", "disabled", ""):
            refuse(key, "set it to vxlan or geneve")
    if conf.get("identity-allocation-mode", "crd") != "crd":
        refuse("identity-allocation-mode", "set it to crd: this node does not speak to the key-value store")
    if conf.get("ipam", "cluster-pool") not in ("cluster-pool", "kubernetes"):
        refuse("ipam", "set it to cluster-pool or kubernetes")
    if conf.get("bpf-lb-mode", "snat") not in ("snat", ""):
        refuse("bpf-lb-mode", "set it to snat: packets would come with the Service's address")
    if conf.get("cluster-id", "0") not in ("0", ""):
        refuse("cluster-id", "this node cannot take part in a cluster mesh yet")
    if conf.get("enable-ipsec") == "true":
        refuse("enable-ipsec", "set it to false: IPsec needs root here")
    for key in ("enable-encryption-strict-mode", "encryption-strict-ingress"):
        if conf.get(key) == "true":
            refuse(key, "set it to false: what this node sends is not encrypted, and would be dropped")
    return tuple(refusals)


def _own_node(us: Us, cidrs: tuple[Prefix, ...], by_operator: bool) -> Publication:
    addresses = [{"type": "InternalIP", "ip": objects.text_of(packed)} for packed in us.addresses]
    addresses += [{"type": "CiliumInternalIP", "ip": objects.text_of(node_address(cidr))} for cidr in cidrs]
    # in cluster-pool mode the operator owns podCIDRs: naming an empty list would ask it to take them back
    ipam = {} if by_operator else {"podCIDRs": [objects.text_of_prefix(cidr) for cidr in cidrs]}
    owner = {"apiVersion": "v1", "kind": "Node", "name": us.name, "uid": us.uid}
    body: Json = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNode",
        "metadata": {
            "name": us.name,
            "ownerReferences": [owner],
            "labels": {"kubernetes.io/hostname": us.name},
        },
        "spec": {"addresses": addresses, "ipam": ipam, "encryption": {}, "health": {}},
    }
    return Publication(Write.ENSURE, CILIUM_NODES, us.name, body)


def _peers(cluster: Cluster, us: Us, size: int, port: int) -> tuple[tuple[Peer, ...], list[str]]:
    peers: list[Peer] = []
    left_out: list[str] = []
    for name, node in sorted(cluster.all(CILIUM_NODES).items()):
        if name == us.name:
            continue
        internal, others = _addresses(node, size)
        if internal is None:
            left_out.append(f"CiliumNode {name} has no InternalIP of {'IPv4' if size == IPV4 else 'IPv6'}")
            continue
        # its CiliumInternalIP may lie outside its podCIDRs; its other addresses speak through the tunnel, too
        prefixes = (*_pod_cidrs(node), *(objects.host(packed) for packed in others))
        peers.append(Peer(name, internal, port, stable_mac(name), tuple(dict.fromkeys(prefixes))))
    return tuple(peers), left_out


def _addresses(node: Json, size: int) -> tuple[bytes | None, list[bytes]]:
    """The address that tunnels end at, and all others."""
    entries = [objects.mapping(entry) for entry in objects.items(objects.spec_of(node).get("addresses"))]
    found = [(entry.get("type"), packed) for entry in entries if (packed := objects.address(entry.get("ip")))]
    for kind in ("InternalIP", "ExternalIP"):
        for other, packed in found:
            if other == kind and len(packed) == size:
                return packed, [address for _, address in found if address != packed]
    return None, []


def _pod_cidrs(node: Json) -> tuple[Prefix, ...]:
    ipam = objects.mapping(objects.spec_of(node).get("ipam"))
    return tuple(cidr for text in objects.items(ipam.get("podCIDRs")) if (cidr := objects.prefix(text)))


def _number(conf: Mapping[str, str], key: str) -> int:
    text = conf.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
