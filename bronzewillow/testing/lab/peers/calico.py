"""Calico with VXLAN: Felix's devices, routed pods, and tunnel packets from known VTEPs alone.

A route to us comes of an IPAMBlock whose affinity names our node, in a pool that encapsulates; a VTEP of two
annotations of our Node; a place among those who may speak of the first of them. The podCIDR does not count.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from bronzewillow.adapters.network import Cluster, Cni, Json, Resource
from bronzewillow.testing.lab.netns import CUBIC
from bronzewillow.testing.lab.peers.family import V4, Family, nth
from bronzewillow.testing.lab.peers.peer import (
    MAC_NODE,
    OUT_MTU,
    WORKER_NODE,
    Document,
    Peer,
    kernel_vtep,
    node_document,
    tell_kernel,
)

_PREFIX = "projectcalico.org/"
_VNI, _PORT = 4096, 4789
_API = "crd.projectcalico.org/v1"
_POOLS, _BLOCKS = (Resource("crd.projectcalico.org", "v1", plural) for plural in ("ippools", "ipamblocks"))
_KEYS = {
    4: ("IPv4Address", "IPv4VXLANTunnelAddr", "VXLANTunnelMACAddr"),
    6: ("IPv6Address", "IPv6VXLANTunnelAddr", "VXLANTunnelMACAddrV6"),
}
_WORKER_BLOCKS = {4: "10.244.1.0/26", 6: "fd00:10:0:1::/122"}
_BORROWED = "fd00:10:0:99::5"
_MAC_POOLS = {4: "10.65.7.0/24", 6: "fd00:65:0:7::/120"}


class Calico(Peer):
    """calico-node's node."""

    cni = Cni.CALICO
    features = ("ipset",)

    @property
    def agent_options(self) -> tuple[str, ...]:
        return tuple(word for family in self.families for word in ("--pod-pool", _MAC_POOLS[family.version]))

    def mac_pods(self, family: Family) -> tuple[str, str]:
        return nth(_MAC_POOLS[family.version], 10), nth(_MAC_POOLS[family.version], 11)

    def mac_node(self, family: Family) -> str:
        return nth(_MAC_POOLS[family.version], 1)

    @property
    def pod_mtu(self) -> int:
        """The smaller of its devices'."""
        return OUT_MTU - max(family.outer_bytes for family in self.families)

    def host_source(self, family: Family) -> str:
        """Of IPv6 it is borrowed from another's block, as happens where one's own is full."""
        return nth(_WORKER_BLOCKS[4], 0) if family is V4 else _BORROWED

    def device(self, family: Family) -> str:
        return "vxlan.calico" if family is V4 else "vxlan-v6.calico"

    def allowed(self, family: Family) -> str:
        """The set of those whose tunnel packets are taken."""
        return f"cali{family.version}0all-vxlan-net"

    def mac(self, family: Family) -> str:
        return _computed_mac(WORKER_NODE, family)

    def mac_annotations(self, family: Family, mac: str) -> dict[str, str]:
        return {_PREFIX + _KEYS[family.version][2]: mac}

    def documents(self) -> list[Document]:
        notes = {}
        found = [_object("FelixConfiguration", "default", {"vxlanVNI": _VNI, "bpfEnabled": False})]
        for family in self.families:
            address, tunnel, _ = _KEYS[family.version]
            notes[_PREFIX + address] = f"{family.worker_out}/{family.out_length}"
            notes[_PREFIX + tunnel] = self.host_source(family)
            found.append(self._pool(family))
            found.append(self._block(family))
        found.append(node_document(WORKER_NODE, self.families, notes))
        found.append(node_document(MAC_NODE, self.families))
        return found

    def lay(self) -> None:
        worker = self.site.worker
        addresses = zip(*(self.worker_pods(family) for family in self.families), strict=True)
        for device in self.routed_pods("cali", list(addresses)):
            worker.sysctl(f"net.ipv4.conf.{device}.proxy_arp", "1")
        for family in self.families:
            kernel_vtep(self, family, _VNI, _PORT, OUT_MTU - family.outer_bytes)
            self._filter(family)
            self._masquerade(family)

    def follow(self, cluster: Cluster) -> bool:
        notes = (cluster.node(MAC_NODE) or {}).get("metadata", {}).get("annotations", {})
        for family in self.families:
            address, tunnel, mac = (notes.get(_PREFIX + key) for key in _KEYS[family.version])
            blocks = list(_blocks_of(cluster, MAC_NODE, family))
            if not address or not tunnel or not blocks:
                return False
            outer = str(ipaddress.ip_interface(address).ip)
            device, worker = self.device(family), self.site.worker
            tell_kernel(worker, device, outer, mac or _computed_mac(MAC_NODE, family), tunnel)
            worker.run("ipset", "-exist", "add", self.allowed(family), outer)
            for block in blocks:
                way = ("via", tunnel, "dev", device, "onlink", *CUBIC)
                worker.ip(family.flag, "route", "replace", block, *way)
        return True

    # ---- inside

    def _pool(self, family: Family) -> Document:
        """As Calico's manifests have it; our node must not live in it."""
        spec = {"cidr": family.network, "vxlanMode": "CrossSubnet", "ipipMode": "Never", "natOutgoing": True}
        return _object("IPPool", f"default-ipv{family.version}-ippool", spec)

    def _block(self, family: Family) -> Document:
        """With the addresses of the tunnel and of the worker's pods."""
        cidr = ipaddress.ip_network(_WORKER_BLOCKS[family.version])
        allocations: list[int | None] = [None] * cidr.num_addresses
        attributes: list[dict[str, Any]] = []
        users = {self.host_source(family): {"node": WORKER_NODE, "type": "vxlanTunnelAddress"}}
        for number, address in enumerate(self.worker_pods(family)):
            users[address] = {"node": WORKER_NODE, "pod": f"web-{number}"}
        for address, secondary in users.items():
            if ipaddress.ip_address(address) not in cidr:
                continue
            ordinal = int(ipaddress.ip_address(address)) - int(cidr.network_address)
            allocations[ordinal] = len(attributes)
            attributes.append({"handle_id": f"handle-{ordinal}", "secondary": secondary})
        spec = {"cidr": str(cidr), "affinity": f"host:{WORKER_NODE}", "deleted": False}
        name = str(cidr).replace(".", "-").replace(":", "-").replace("/", "-")
        return _object("IPAMBlock", name, {**spec, "allocations": allocations, "attributes": attributes})

    def _filter(self, family: Family) -> None:
        """Tunnel packets only from listed nodes, and untracked."""
        worker, name = self.site.worker, self.allowed(family)
        inet = "inet" if family is V4 else "inet6"
        tunnel = ("-p", "udp", "--dport", str(_PORT))
        to_us = ("-m", "addrtype", "--dst-type", "LOCAL")
        listed = ("-m", "set", "--match-set", name, "src")
        worker.run("ipset", "create", name, "hash:net", "family", inet)
        worker.run(family.iptables, "-w", "-A", "INPUT", *tunnel, *listed, *to_us, "-j", "ACCEPT")
        worker.run(family.iptables, "-w", "-A", "INPUT", *tunnel, *to_us, "-j", "DROP")
        for hook in ("PREROUTING", "OUTPUT"):
            worker.run(family.iptables, "-w", "-t", "raw", "-A", hook, *tunnel, "-j", "NOTRACK")

    def _masquerade(self, family: Family) -> None:
        """What the worker sends from another address of its own takes the tunnel's."""
        local = ("-m", "addrtype", "!", "--src-type", "LOCAL", "--limit-iface-out")
        rule = ("-o", self.device(family), *local, "-m", "addrtype", "--src-type", "LOCAL")
        nat = ("-w", "-t", "nat", "-A", "POSTROUTING")
        self.site.worker.run(family.iptables, *nat, *rule, "-j", "MASQUERADE", "--random-fully")


def _computed_mac(node: str, family: Family) -> str:
    name = node if family is V4 else f"{node}-v6"
    return (b"f" + hashlib.sha1(name.encode(), usedforsecurity=False).digest()[:5]).hex(":")


def _object(kind: str, name: str, spec: dict[str, Any]) -> Document:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _blocks_of(cluster: Cluster, node: str, family: Family) -> list[str]:
    """The blocks of a node, but for those in a pool that peers on one network would not encapsulate for."""
    found = []
    for block in cluster.all(_BLOCKS).values():
        cidr, spec = ipaddress.ip_network(block["spec"]["cidr"]), block["spec"]
        if spec["affinity"] != f"host:{node}" or spec.get("deleted") or cidr.version != family.version:
            continue
        if any(_holds(pool, cidr) for pool in cluster.all(_POOLS).values()):
            found.append(str(cidr))
    return found


def _holds(pool: Json, cidr: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    network = ipaddress.ip_network(pool["spec"]["cidr"])
    if network.version != cidr.version or cidr.network_address not in network:
        return False
    return bool(pool["spec"]["vxlanMode"] == "Always")
