"""What the workers of all CNIs have in common.

A worker is laid before our agent runs. From then on `follow` does what the CNI's node agent would do: it
reads what the cluster has of our node, and makes neighbours, routes and flows of nothing else. So a mistake
in what an adapter publishes shows as a packet that does not arrive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bronzewillow.adapters.network import Cluster, Cni
from bronzewillow.kube.resources import Resource
from bronzewillow.testing.lab.netns import CUBIC, Namespace, join, like_a_cable
from bronzewillow.testing.lab.peers.family import V4, V6, Family, nth

MAC_NODE, WORKER_NODE = "mac-1", "worker-1"
OUT_MTU = 1500
POD_MTU = OUT_MTU - 50
Document = dict[str, Any]
Written = tuple[Resource, str, Document]
"""A merge patch of an object, by its kind and name."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a worker stands."""

    worker: Namespace
    mac: Namespace
    pods: tuple[Namespace, ...]
    """Of pods on the worker."""
    folder: Path
    """For daemons' files."""
    scratch: Path
    """The same for sockets and what is large, as the worker has it."""
    is_wired: bool = False
    """There is a cable between worker and Mac already, `out0` at both ends."""


class Peer(ABC):
    """A worker, and the Mac's addresses as its CNI has them."""

    cni: ClassVar[Cni]
    features: ClassVar[tuple[str, ...]] = ()
    """What it needs of the machine, beside namespaces and VXLAN."""

    def __init__(self, site: Site, families: Sequence[Family]) -> None:
        """`families` of pods."""
        self.site = site
        self.families = tuple(families)

    @property
    def agent_options(self) -> tuple[str, ...]:
        """What our agent has to be told that the cluster cannot know."""
        return ()

    # ---- addresses

    @property
    def underlays(self) -> tuple[Family, ...]:
        """The families between the nodes."""
        return self.families

    def worker_pods(self, family: Family) -> tuple[str, ...]:
        """Of the pods on the worker."""
        return tuple(nth(family.worker_cidr, 11 + number) for number in range(len(self.site.pods)))

    def mac_pods(self, family: Family) -> tuple[str, str]:
        """Of ours."""
        return nth(family.mac_cidr, 10), nth(family.mac_cidr, 11)

    def mac_node(self, family: Family) -> str:
        """Our node's own, in the overlay."""
        return nth(family.mac_cidr, 1)

    @abstractmethod
    def host_source(self, family: Family) -> str:
        """From where the worker itself comes to pods elsewhere."""

    def masquerade_source(self, family: Family) -> str:
        """From where comes what it masquerades: the calls of NodePorts."""
        return self.host_source(family)

    # ---- the cluster

    @abstractmethod
    def documents(self) -> list[Document]:
        """The cluster's objects before our agent has run, both Nodes among them."""

    @abstractmethod
    def follow(self, cluster: Cluster) -> bool:
        """Make what is in the cluster of our node so; False while something is missing there."""

    def operate(self, cluster: Cluster) -> list[Written]:
        """What the CNI's controllers write when they see that."""
        return []

    def device(self, family: Family) -> str:
        """The worker's, that leads to other nodes."""
        raise NotImplementedError(f"{type(self).__name__} has none in the kernel")

    def mac(self, family: Family) -> str:
        """Its MAC, as the cluster has it."""
        raise NotImplementedError(f"{type(self).__name__} has none in particular")

    def mac_annotations(self, family: Family, mac: str) -> dict[str, str]:
        """The annotations of the worker's Node that say so."""
        raise NotImplementedError(f"{type(self).__name__} has none in particular")

    # ---- namespaces

    @abstractmethod
    def lay(self) -> None:
        """Devices, pods and rules of the worker."""

    @property
    def pod_mtu(self) -> int:
        """Of the worker's pods."""
        return POD_MTU

    def lay_underlay(self) -> None:
        """A cable between worker and Mac."""
        site = self.site
        if not site.is_wired:
            join(site.worker, "out0", site.mac, "out0", OUT_MTU)
            for namespace in (site.worker, site.mac):
                like_a_cable(namespace, "out0")
        if V6 in (*self.families, *self.underlays):
            for namespace in (site.worker, site.mac, *site.pods):
                enable_ipv6(namespace)
        for family in self.node_families:
            length = family.out_length
            site.worker.ip("addr", "add", f"{family.worker_out}/{length}", "dev", "out0", *nodad(family))
            site.mac.ip("addr", "add", f"{family.mac_out}/{length}", "dev", "out0", *nodad(family))
            # a node has a default route; without one it cannot even begin to reach a ClusterIP
            site.worker.ip("route", "add", "default", "via", family.router_out, "dev", "out0")
        self.forward()

    @property
    def node_families(self) -> tuple[Family, ...]:
        """The families of which nodes have addresses; at least the underlays'."""
        return tuple(dict.fromkeys((*self.underlays, *self.families)))

    def forward(self) -> None:
        """The worker is a router."""
        self.site.worker.sysctl("net.ipv4.ip_forward", "1")
        if V6 in self.families:
            self.site.worker.sysctl("net.ipv6.conf.all.forwarding", "1")

    def routed_pods(
        self, prefix: str, addresses: Sequence[tuple[str, ...]], link_mtu: int = 0
    ) -> Iterator[str]:
        """Pods that have a link of their own, as Calico and Cilium make them; the names of its ends.

        `addresses` of each pod. The pod's gateway is not an address of the worker's but the link itself.
        """
        worker = self.site.worker
        for number, (pod, own) in enumerate(zip(self.site.pods, addresses, strict=True), 1):
            device = f"{prefix}{number}"
            join(worker, device, pod, "eth0", link_mtu or self.pod_mtu)
            like_a_cable(pod, "eth0")
            mac = worker.run("cat", f"/sys/class/net/{device}/address").strip()
            for family, address in zip(self.families, own, strict=True):
                gateway = "169.254.1.1" if family is V4 else "fe80::1"
                worker.ip("route", "add", f"{address}/{family.host_length}", "dev", device)
                pod.ip("addr", "add", f"{address}/{family.host_length}", "dev", "eth0", *nodad(family))
                if family is V4:
                    pod.ip("route", "add", gateway, "dev", "eth0", "scope", "link")
                pod.ip("neigh", "add", gateway, "lladdr", mac, "dev", "eth0", "nud", "permanent")
                default = ("route", "add", "default", "via", gateway, "dev", "eth0")
                pod.ip(family.flag, *default, "mtu", str(self.pod_mtu), *CUBIC)
            yield device


def kernel_vtep(peer: Peer, family: Family, vni: int, port: int, mtu: int = POD_MTU) -> None:
    """A VXLAN device as Flannel and Calico make it: it learns nothing, all peers are told to it."""
    worker, device = peer.site.worker, peer.device(family)
    vxlan = ("type", "vxlan", "id", str(vni), "local", family.worker_out, "dev", "out0")
    link = ("link", "add", device, "address", peer.mac(family), "mtu", str(mtu))
    worker.ip(*link, *vxlan, "dstport", str(port), "nolearning")
    worker.ip(
        "addr", "add", f"{peer.host_source(family)}/{family.host_length}", "dev", device, *nodad(family)
    )
    worker.ip("link", "set", device, "up")


def tell_kernel(worker: Namespace, device: str, outer: str, mac: str, tunnel: str) -> None:
    """A peer of such a device: its neighbour entry and where its MAC is."""
    worker.run("bridge", "fdb", "replace", mac, "dev", device, "dst", outer, "self", "permanent")
    worker.ip("neigh", "replace", tunnel, "lladdr", mac, "dev", device, "nud", "permanent")


def enable_ipv6(namespace: Namespace) -> None:
    """Namespaces are made without it."""
    for where in ("all", "default"):
        namespace.sysctl(f"net.ipv6.conf.{where}.disable_ipv6", "0")
        namespace.sysctl(f"net.ipv6.conf.{where}.accept_dad", "0")


def nodad(family: Family) -> tuple[str, ...]:
    """What lets an address of IPv6 be used at once."""
    return ("nodad",) if family is V6 else ()


def node_document(
    name: str,
    families: Sequence[Family],
    annotations: Mapping[str, str] | None = None,
    *,
    cidrs: bool = True,
) -> Document:
    """A Node with its InternalIPs, and its podCIDRs where the controller manager gives them."""
    ours = name == MAC_NODE
    found = [family.mac_cidr if ours else family.worker_cidr for family in families]
    outers = [family.mac_out if ours else family.worker_out for family in families]
    spec = {"podCIDR": found[0], "podCIDRs": found} if cidrs else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": dict(annotations or {}),
            "labels": {"kubernetes.io/hostname": name},
        },
        "spec": spec,
        "status": {"addresses": [{"type": "InternalIP", "address": outer} for outer in outers]},
    }
