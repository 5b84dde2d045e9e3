"""A cluster of each CNI: what its own programs would have put there, for two workers and for us."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bronzewillow.adapters.network import Cni
from bronzewillow.cluster.watched import BY_CNI
from bronzewillow.kube import resources
from bronzewillow.kube.resources import Object, Resource

US = "mac-1"
POOL = "10.65.0.0/28"
_CALICO = "crd.projectcalico.org/v1"
_CILIUM = "cilium.io/v2"


@dataclass(frozen=True, slots=True)
class World:
    """The objects of one CNI."""

    cni: Cni

    @property
    def kinds(self) -> dict[str, Resource]:
        """Of all its objects, by their names."""
        others = (resources.NODES, resources.CONFIG_MAPS, resources.NAMESPACES)
        newest = [watched.resource for watched in BY_CNI[self.cni] if watched.resource.version != "v3"]
        return {one.kind: one for one in (*others, *newest)}

    @property
    def crds(self) -> list[Resource]:
        """The kinds that come with it."""
        return [one for one in self.kinds.values() if "." in one.group]

    def configuration(self) -> list[Object]:
        """What an installation leaves."""
        match self.cni:
            case Cni.FLANNEL:
                conf = json.dumps({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}})
                return [_config_map("kube-flannel-cfg", {"net-conf.json": conf})]
            case Cni.ANTREA:
                return [_config_map("antrea-config", {"antrea-agent.conf": "trafficEncapMode: encap\n"})]
            case Cni.CALICO:
                spec = {
                    "cidr": "10.64.0.0/16",
                    "blockSize": 26,
                    "vxlanMode": "CrossSubnet",
                    "ipipMode": "Never",
                }
                return [_object(_CALICO, "IPPool", "default-ipv4-ippool", spec)]
            case Cni.CILIUM:
                data = {"routing-mode": "tunnel", "tunnel-protocol": "vxlan"}
                return [_config_map("cilium-config", data)]

    def worker(self, number: int, address: str) -> list[Object]:
        """A node of the CNI's own; its Node comes first."""
        name, cidr = f"worker-{number}", f"10.244.{number}.0/24"
        node = _node(name, address, cidr)
        match self.cni:
            case Cni.FLANNEL:
                data = json.dumps({"VNI": 1, "VtepMAC": f"02:aa:aa:aa:aa:{number:02x}"})
                notes = {"kube-subnet-manager": "true", "backend-type": "vxlan", "public-ip": address}
                _annotate(node, "flannel.alpha.coreos.com/", {**notes, "backend-data": data})
                return [node]
            case Cni.ANTREA:
                return [node]
            case Cni.CALICO:
                notes = {"IPv4Address": f"{address}/24", "IPv4VXLANTunnelAddr": f"10.64.{number}.0"}
                _annotate(node, "projectcalico.org/", notes)
                fields = {"cidr": f"10.64.{number}.0/26", "affinity": f"host:{name}", "deleted": False}
                spec = {**fields, "allocations": [], "attributes": []}
                return [node, _object(_CALICO, "IPAMBlock", f"10-64-{number}-0-26", spec)]
            case Cni.CILIUM:
                spec = {
                    "addresses": [{"type": "InternalIP", "ip": address}],
                    "ipam": {"podCIDRs": [f"10.0.{number}.0/24"]},
                }
                return [node, _object(_CILIUM, "CiliumNode", name, spec)]

    def us(self, address: str, *, has_cidr: bool = True) -> Object:
        """Our Node, as our kubelet registers it."""
        return _node(US, address, "10.244.77.0/24" if has_cidr else "")


def _node(name: str, address: str, cidr: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]} if cidr else {},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def _annotate(node: Object, prefix: str, notes: dict[str, str]) -> None:
    node["metadata"]["annotations"] = {prefix + key: value for key, value in notes.items()}


def _config_map(name: str, data: dict[str, str]) -> Object:
    metadata = {"namespace": "kube-system", "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _object(version: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
