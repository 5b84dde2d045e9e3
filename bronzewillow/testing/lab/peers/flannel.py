"""Flannel: flannel.1 and flannel-v6.1, pods on a bridge, peers as their Nodes' annotations tell of them."""

from __future__ import annotations

import json

from bronzewillow.adapters.network import Cluster, Cni
from bronzewillow.testing.lab.netns import CUBIC, join, like_a_cable
from bronzewillow.testing.lab.peers.family import V4, Family, nth
from bronzewillow.testing.lab.peers.peer import (
    MAC_NODE,
    POD_MTU,
    WORKER_NODE,
    Document,
    Peer,
    kernel_vtep,
    nodad,
    node_document,
    tell_kernel,
)

_PREFIX = "flannel.alpha.coreos.com/"
_VNI, _PORT = 1, 8472
_MACS = {4: "02:aa:aa:aa:aa:01", 6: "02:aa:aa:aa:aa:06"}
_KEYS = {4: ("public-ip", "backend-data"), 6: ("public-ipv6", "backend-v6-data")}


class Flannel(Peer):
    """flanneld's node."""

    cni = Cni.FLANNEL

    def host_source(self, family: Family) -> str:
        return nth(family.worker_cidr, 0)

    def device(self, family: Family) -> str:
        return f"flannel.{_VNI}" if family is V4 else f"flannel-v6.{_VNI}"

    def mac(self, family: Family) -> str:
        return _MACS[family.version]

    def mac_annotations(self, family: Family, mac: str) -> dict[str, str]:
        data = json.dumps({"VNI": _VNI, "VtepMAC": mac})
        return {_PREFIX + _KEYS[family.version][1]: data}

    def documents(self) -> list[Document]:
        conf: dict[str, object] = {"Backend": {"Type": "vxlan"}}
        for family in self.families:
            conf["Network" if family is V4 else "IPv6Network"] = family.network
        conf |= {"EnableIPv4": V4 in self.families, "EnableIPv6": len(self.families) > (V4 in self.families)}
        notes = {"kube-subnet-manager": "true", "backend-type": "vxlan"}
        for family in self.families:
            notes[_KEYS[family.version][0]] = family.worker_out
        annotations = {_PREFIX + key: value for key, value in notes.items()}
        for family in self.families:
            annotations |= self.mac_annotations(family, self.mac(family))
        return [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"namespace": "kube-flannel", "name": "kube-flannel-cfg"},
                "data": {"net-conf.json": json.dumps(conf)},
            },
            node_document(WORKER_NODE, self.families, annotations),
            node_document(MAC_NODE, self.families),
        ]

    def lay(self) -> None:
        worker = self.site.worker
        worker.ip("link", "add", "cni0", "mtu", str(POD_MTU), "type", "bridge")
        worker.ip("link", "set", "cni0", "up")
        for number, pod in enumerate(self.site.pods, 1):
            join(worker, f"veth{number}", pod, "eth0", POD_MTU)
            like_a_cable(pod, "eth0")
            worker.ip("link", "set", f"veth{number}", "master", "cni0")
        for family in self.families:
            length = family.worker_cidr.rpartition("/")[2]
            gateway = nth(family.worker_cidr, 1)
            kernel_vtep(self, family, _VNI, _PORT)
            worker.ip("addr", "add", f"{gateway}/{length}", "dev", "cni0", *nodad(family))
            for pod, address in zip(self.site.pods, self.worker_pods(family), strict=True):
                pod.ip("addr", "add", f"{address}/{length}", "dev", "eth0", *nodad(family))
                pod.ip(family.flag, "route", "add", "default", "via", gateway, *CUBIC)
            self._masquerade(family)

    def follow(self, cluster: Cluster) -> bool:
        node = cluster.node(MAC_NODE) or {}
        notes = node.get("metadata", {}).get("annotations", {})
        if notes.get(_PREFIX + "kube-subnet-manager") != "true":
            return False  # not a node of ours
        if notes.get(_PREFIX + "backend-type") != "vxlan":
            return False
        for family in self.families:
            address, data = (notes.get(_PREFIX + key) for key in _KEYS[family.version])
            if not address or not data:
                return False
            fields = json.loads(data)
            if fields["VNI"] != _VNI:
                return False
            device = self.device(family)
            cidr = next(one for one in node["spec"]["podCIDRs"] if (":" in one) == (":" in family.mac_cidr))
            tunnel = nth(cidr, 0)
            tell_kernel(self.site.worker, device, address, fields["VtepMAC"], tunnel)
            way = ("via", tunnel, "dev", device, "src", self.host_source(family), "onlink", *CUBIC)
            self.site.worker.ip(family.flag, "route", "replace", cidr, *way)
        return True

    def _masquerade(self, family: Family) -> None:
        """What flanneld writes: the pod network talks to itself as it is, all else is masqueraded."""
        worker, network = self.site.worker, family.network
        chain = ("-w", "-t", "nat", "-A", "FLANNEL-POSTRTG")
        worker.run(family.iptables, "-w", "-t", "nat", "-N", "FLANNEL-POSTRTG")
        worker.run(family.iptables, "-w", "-t", "nat", "-A", "POSTROUTING", "-j", "FLANNEL-POSTRTG")
        multicast = "224.0.0.0/4" if family is V4 else "ff00::/8"
        masquerade = ("-j", "MASQUERADE", "--random-fully")
        for rule in (
            ("-m", "mark", "--mark", "0x4000/0x4000", "-j", "RETURN"),  # kube-proxy's own
            ("-s", family.worker_cidr, "-d", network, "-j", "RETURN"),
            ("-s", network, "-d", family.worker_cidr, "-j", "RETURN"),
            ("!", "-s", network, "-d", family.worker_cidr, "-j", "RETURN"),
            ("-s", network, "!", "-d", multicast, *masquerade),
            ("!", "-s", network, "-d", network, *masquerade),
        ):
            worker.run(family.iptables, *chain, *rule)
