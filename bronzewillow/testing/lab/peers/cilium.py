"""Cilium in tunnel mode: one VXLAN device for all peers, and a VNI that says who speaks.

In the place of its BPF programs there are routes that name their tunnel, with a table for each identity that
speaks here, and rules that let every inner MAC in, and the identity that no other node may have not.
"""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar

from bronzewillow.adapters.network import Cluster, Cni, Json, Resource
from bronzewillow.kube import resources
from bronzewillow.testing.lab.netns import CUBIC, join
from bronzewillow.testing.lab.peers.family import V4, V6, Family, nth
from bronzewillow.testing.lab.peers.peer import (
    MAC_NODE,
    OUT_MTU,
    WORKER_NODE,
    Document,
    Peer,
    Written,
    nodad,
    node_document,
)

NODES = resources.Resource("cilium.io", "v2", "ciliumnodes", "CiliumNode", namespaced=False)
_NODES, _IDENTITIES, _ENDPOINTS = (
    Resource("cilium.io", "v2", plural) for plural in ("ciliumnodes", "ciliumidentities", "ciliumendpoints")
)
_HOST, WORLD, _REMOTE_NODE = 1, 2, 6
_FIRST_POD_IDENTITY = 20_001
_MASQUERADED, _FIRST_POD_TABLE = 99, 100
_MARK = "0x4000/0x4000"  # of kube-proxy's chains: to be masqueraded
# Inner destinations as senders have them: a pod's own gateway, or nothing at all where a node balances.
_POD_MAC, _NO_MAC = "02:c1:11:00:00:01", "00:00:00:00:00:00"


class Cilium(Peer):
    """cilium-agent's node; the operator gives podCIDRs from a pool of the cluster."""

    cni = Cni.CILIUM
    features = ("nft",)
    encap: ClassVar[str] = "vxlan"
    port: ClassVar[int] = 8472
    underlay: ClassVar[Family] = V4
    """Both families of pods go over it."""

    @property
    def underlays(self) -> tuple[Family, ...]:
        return (self.underlay,)

    @property
    def pod_mtu(self) -> int:
        """Of the pods' routes; their links have the underlay's."""
        return OUT_MTU - self.underlay.outer_bytes

    def host_source(self, family: Family) -> str:
        """Of IPv6 it is the node's own, which is then answered through the tunnel."""
        return self.masquerade_source(family) if family is V4 else family.worker_out

    def masquerade_source(self, family: Family) -> str:
        """The CiliumInternalIP."""
        return nth(family.worker_cidr, 193)

    def documents(self) -> list[Document]:
        conf = {
            "routing-mode": "tunnel",
            "tunnel-protocol": self.encap,
            "ipam": "cluster-pool",
            "identity-allocation-mode": "crd",
            "underlay-protocol": f"ipv{self.underlay.version}",
            "cluster-name": "default",
            "enable-ipv4": str(V4 in self.families).lower(),
            "enable-ipv6": str(V6 in self.families).lower(),
        }
        addresses = [{"type": "InternalIP", "ip": family.worker_out} for family in self.node_families]
        for family in self.families:
            addresses.append({"type": "CiliumInternalIP", "ip": self.masquerade_source(family)})
        cidrs = [family.worker_cidr for family in self.families]
        return [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"namespace": "kube-system", "name": "cilium-config"},
                "data": conf,
            },
            node_document(WORKER_NODE, self.node_families, cidrs=False),
            node_document(MAC_NODE, self.node_families, cidrs=False),
            {
                "apiVersion": "cilium.io/v2",
                "kind": "CiliumNode",
                "metadata": {"name": WORKER_NODE},
                "spec": {"addresses": addresses, "ipam": {"podCIDRs": cidrs}},
            },
        ]

    def lay(self) -> None:
        worker = self.site.worker
        link = ("link", "add", self._device, "mtu", str(OUT_MTU), "type", self.encap, "external")
        worker.ip(*link, "dstport", str(self.port))
        worker.ip("link", "set", self._device, "up")
        join(worker, "cilium_host", worker, "cilium_net", OUT_MTU)
        self._judge_arrivals()
        for family in self.families:
            own = f"{self.masquerade_source(family)}/{family.host_length}"
            worker.ip("addr", "add", own, "dev", "cilium_host", *nodad(family))
            rule = (family.flag, "rule", "add", "priority")
            worker.ip(*rule, "90", "fwmark", _MARK, "lookup", str(_MASQUERADED))
            for number, address in enumerate(self.worker_pods(family)):
                table = str(_FIRST_POD_TABLE + number)
                worker.ip(*rule, str(100 + number), "from", address, "lookup", table)
            to_tunnel = ("-o", self._device, "-m", "mark", "--mark", _MARK)
            snat = ("-j", "SNAT", "--to-source", self.masquerade_source(family))
            worker.run(family.iptables, "-w", "-t", "nat", "-A", "POSTROUTING", *to_tunnel, *snat)
        addresses = zip(*(self.worker_pods(family) for family in self.families), strict=True)
        for device in self.routed_pods("lxc", list(addresses), OUT_MTU):
            worker.sysctl(f"net.ipv4.conf.{device}.proxy_arp", "1")

    def operate(self, cluster: Cluster) -> list[Written]:
        """The operator's part."""
        node = cluster.get(_NODES, MAC_NODE)
        if node is None or _pod_cidrs(node):
            return []
        cidrs = [family.mac_cidr for family in self.families]
        return [(NODES, MAC_NODE, {"spec": {"ipam": {"podCIDRs": cidrs}}})]

    def follow(self, cluster: Cluster) -> bool:
        node = cluster.get(_NODES, MAC_NODE) or {}
        is_v6 = self.underlay is V6
        outer = next((text for text in _addresses(node, "InternalIP") if (":" in text) == is_v6), "")
        cidrs = _pod_cidrs(node)
        if not outer or not cidrs:
            return False
        endpoints = list(_endpoints_at(cluster, outer))
        wanted = {address for family in self.families for address in self.mac_pods(family)}
        if not wanted.issubset(endpoints):
            return False
        for prefix in (*cidrs, *endpoints):
            self._route(prefix, outer)
        return True

    # ---- inside

    @property
    def _device(self) -> str:
        return f"cilium_{self.encap}"

    def _route(self, prefix: str, outer: str) -> None:
        """To our pods, with the identity of whoever speaks."""
        family = V6 if ":" in prefix else V4
        identities = {"main": _REMOTE_NODE, str(_MASQUERADED): WORLD}
        for number in range(len(self.site.pods)):
            identities[str(_FIRST_POD_TABLE + number)] = _FIRST_POD_IDENTITY + number
        for table, identity in identities.items():
            mac = _NO_MAC if identity == WORLD else _POD_MAC
            # a next hop of its own for each MAC, as routes name one by its address
            hop = nth(family.mac_cidr, 254 if mac == _NO_MAC else 253)
            neighbour = ("neigh", "replace", hop, "lladdr", mac, "dev", self._device, "nud", "permanent")
            self.site.worker.ip(*neighbour)
            tunnel = ("encap", "ip" if self.underlay is V4 else "ip6", "id", str(identity), "dst", outer)
            way = ("via", hop, "dev", self._device, "onlink", "table", table)
            source = self.masquerade_source(family) if identity == WORLD else self.host_source(family)
            route = (family.flag, "route", "replace", prefix, *tunnel, *way, "src", source)
            self.site.worker.ip(*route, "mtu", str(self.pod_mtu), *CUBIC)

    def _judge_arrivals(self) -> None:
        """Every inner MAC is taken; a VNI that would be the host's own identity is not."""
        host_vni = f"udp dport {self.port} @th,96,24 {_HOST} drop"
        rules = (
            "add table netdev cilium",
            "add chain netdev cilium overlay { type filter hook ingress device cilium_vxlan priority 0; }",
            "add rule netdev cilium overlay meta pkttype set host",
            "add chain netdev cilium outer { type filter hook ingress device out0 priority 0; }",
            f"add rule netdev cilium outer {host_vni}",
        )
        self.site.worker.run("nft", "-f", "-", input="\n".join(rules) + "\n")


class CiliumOverV6(Cilium):
    """The same over an underlay of IPv6, where its device sends no checksums, either."""

    underlay = V6


class CiliumGeneve(Cilium):
    """The same with Geneve, on a kernel that has it."""

    features = ("uml",)
    encap = "geneve"
    port = 6081

    def _judge_arrivals(self) -> None:
        """Every inner MAC is taken."""
        worker = self.site.worker
        worker.run("tc", "qdisc", "add", "dev", self._device, "ingress")
        every = ("tc", "filter", "add", "dev", self._device, "ingress", "matchall")
        worker.run(*every, "action", "skbedit", "ptype", "host")


def identity_of(cluster: Cluster, address: str) -> int:
    """What the cluster says that a pod is; 0 where it says nothing, or the identity is not there."""
    for endpoint in cluster.all(_ENDPOINTS).values():
        status = endpoint.get("status", {})
        number = status.get("identity", {}).get("id", 0)
        if address in _texts(status) and str(number) in cluster.all(_IDENTITIES):
            return int(number)
    return 0


def _endpoints_at(cluster: Cluster, outer: str) -> list[str]:
    """The addresses of endpoints behind an underlay address, of which one knows who they are."""
    found = []
    for endpoint in cluster.all(_ENDPOINTS).values():
        status = endpoint.get("status", {})
        if status.get("networking", {}).get("node") == outer:
            found += [text for text in _texts(status) if identity_of(cluster, text)]
    return found


def _texts(status: Json) -> list[str]:
    entries: list[dict[str, str]] = status.get("networking", {}).get("addressing", [])
    return [str(ipaddress.ip_address(text)) for entry in entries for text in entry.values()]


def _addresses(node: Json, kind: str) -> list[str]:
    entries: list[dict[str, Any]] = node.get("spec", {}).get("addresses", [])
    return [entry["ip"] for entry in entries if entry["type"] == kind]


def _pod_cidrs(node: Json) -> list[str]:
    found: list[str] = node.get("spec", {}).get("ipam", {}).get("podCIDRs", [])
    return found
