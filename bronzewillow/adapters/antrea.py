"""Antrea in encap mode: Geneve or VXLAN between Open vSwitches, all facts from Nodes.

A peer needs nothing but our Node's podCIDR and InternalIP. Peers never read a podCIDR again: one that changes
needs the Node deleted and made anew.
"""

from __future__ import annotations

from typing import Any

import yaml

from bronzewillow.adapters import objects
from bronzewillow.adapters.network import (
    CONFIG_MAPS,
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
from bronzewillow.overlay.spec import OverlaySpec, Peer, Prefix
from bronzewillow.wire.encap import DEFAULT_PORTS, Encap

GLOBAL_VIRTUAL_MAC = bytes.fromhex("aabbccddeeff")
"""The inner destination of everything between nodes."""
TRANSPORT_ADDRESSES = "node.antrea.io/transport-addresses"
_VNI = 0
_KEY = "antrea-agent.conf"


def adapt(cluster: Cluster, us: Us) -> ClusterNetwork:
    """The overlay of an Antrea cluster. A pure function of its arguments."""
    conf, where = _agent_conf(cluster)
    refusals = _refusals(conf, where)
    if refusals:
        return ClusterNetwork(Cni.ANTREA, refusals=refusals)
    node = cluster.node(us.name)
    if node is None:
        return ClusterNetwork(Cni.ANTREA, waiting_for=(f"the Node {us.name}",))
    cidrs = objects.pod_cidrs(node)
    if not cidrs:
        waiting = f"a podCIDR of Node {us.name}, which the controller manager gives (--allocate-node-cidrs)"
        return ClusterNetwork(Cni.ANTREA, waiting_for=(waiting,))
    encap = Encap(conf.get("tunnelType", "geneve"))
    port = _number(conf, "tunnelPort") or DEFAULT_PORTS[encap]
    mtu = overlay_mtu(us.underlay_mtu, _widest_outer(cluster), _number(conf, "defaultMTU"))
    overlays: list[OverlaySpec] = []
    warnings = objects.unserved(cidrs, us.addresses)
    for size in (IPV4, IPV6):
        ours = objects.of_family(cidrs, size)
        addresses = [packed for packed in us.addresses if len(packed) == size]
        if not ours or not addresses:
            continue
        peers, left_out = _peers(cluster, us, ours[0], port)
        warnings += left_out
        if size == IPV6 and conf.get("tunnelCsum") is not True:
            warnings.append(
                f"tunnelCsum in {where} is not true: what Nodes send over IPv6 may have no UDP checksum, and"
                " this machine may drop that"
            )
        overlays.append(
            OverlaySpec(
                encap,
                addresses[0],
                port,
                _VNI,
                ours[:1],
                stable_mac(us.name),
                mtu,
                peers=peers,
                any_vni=True,
            )
        )
    if not overlays:
        reason = f"no podCIDR of Node {us.name} is of a family that this machine has an address of"
        return ClusterNetwork(Cni.ANTREA, refusals=(Refusal(reason, "give this machine such an address"),))
    return ClusterNetwork(Cni.ANTREA, tuple(overlays), _publications(node, us), warnings=tuple(warnings))


def transport_addresses(node: Json) -> dict[int, bytes]:
    """Where peers send to: the annotation, else the InternalIP. By family."""
    text = objects.annotations_of(node).get(TRANSPORT_ADDRESSES)
    if text is None:
        return objects.node_addresses(node)
    found: dict[int, bytes] = {}
    for part in text.split(","):
        packed = objects.address(part)
        if packed is None:
            return {}  # as peers do: one invalid entry spoils them all
        found.setdefault(len(packed), packed)
    return found


def _widest_outer(cluster: Cluster) -> int:
    """IPv6 where Nodes have addresses of it: their pods' MTU, of both families, leaves room for it."""
    nodes = cluster.all(NODES).values()
    return IPV6 if any(IPV6 in transport_addresses(node) for node in nodes) else IPV4


def _agent_conf(cluster: Cluster) -> tuple[dict[str, Any], str]:
    """antrea-agent.conf and where it stands. Older manifests add a hash to the ConfigMap's name."""
    names = sorted(cluster.all(CONFIG_MAPS))
    for name in ("kube-system/antrea-config", *names):
        if name.startswith("kube-system/antrea-config"):
            text = objects.data_of(cluster.get(CONFIG_MAPS, name)).get(_KEY)
            if text is not None:
                try:
                    return objects.mapping(yaml.safe_load(text)), f"{_KEY} of ConfigMap {name}"
                except (yaml.YAMLError, ValueError, RecursionError):
                    return {}, f"{_KEY} of ConfigMap {name}"
    return {}, f"{_KEY} of ConfigMap kube-system/antrea-config"


def _refusals(conf: dict[str, Any], where: str) -> tuple[Refusal, ...]:
    refusals = []
    mode = str(conf.get("trafficEncapMode") or "encap")
    if mode.lower() != "encap":
        reason = f"trafficEncapMode in {where} is {mode}: peers would send to us without encapsulation"
        refusals.append(Refusal(reason, "set it to encap and restart antrea-agent"))
    tunnel = str(conf.get("tunnelType") or "geneve")
    if tunnel not in ("geneve", "vxlan"):
        reason = f"tunnelType in {where} is {tunnel}, which no unprivileged process can speak"
        refusals.append(Refusal(reason, "set it to geneve or vxlan"))
    encryption = str(conf.get("trafficEncryptionMode") or "none")
    if encryption.lower() != "none":
        reason = f"trafficEncryptionMode in {where} is {encryption}"
        refusals.append(Refusal(reason, "set it to none: this node has no key to take part with"))
    gates = objects.mapping(conf.get("featureGates"))
    if gates.get("LoadBalancerModeDSR") is True and conf.get("defaultLoadBalancerMode") == "dsr":
        reason = f"defaultLoadBalancerMode in {where} is dsr: packets would come with the Service's address"
        refusals.append(Refusal(reason, "set it to nat"))
    return tuple(refusals)


def _peers(cluster: Cluster, us: Us, ours: Prefix, port: int) -> tuple[tuple[Peer, ...], list[str]]:
    size = len(ours[0])
    peers: list[Peer] = []
    left_out: list[str] = []
    for name, node in sorted(cluster.all(NODES).items()):
        if name == us.name:
            continue
        prefixes = objects.of_family(objects.pod_cidrs(node), size)
        address = transport_addresses(node).get(size)
        if address is None:
            left_out.append(f"Node {name} has no transport address of {'IPv4' if size == IPV4 else 'IPv6'}")
        elif not prefixes:
            left_out.append(f"Node {name} has no podCIDR yet")
        elif ours in prefixes:
            left_out.append(
                f"Node {name} has our podCIDR {objects.text_of_prefix(ours)}: peers take only one of the two"
            )
        else:
            peers.append(Peer(name, address, port, GLOBAL_VIRTUAL_MAC, prefixes))
    return tuple(peers), left_out


def _publications(node: Json, us: Us) -> tuple[Publication, ...]:
    """Nothing, when the addresses that we are bound to are the Node's own."""
    wanted = {len(packed): packed for packed in us.addresses}
    if transport_addresses(node) == wanted:
        return ()
    text = ",".join(objects.text_of(packed) for packed in us.addresses)
    body = {"metadata": {"annotations": {TRANSPORT_ADDRESSES: text}}}
    return (Publication(Write.MERGE_STATUS, NODES, us.name, body),)


def _number(conf: dict[str, Any], key: str) -> int:
    value = conf.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
