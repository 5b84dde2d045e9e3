"""Builds the namespaces of a plan: the worker with its pods as the CNI would make them, and the bare Mac."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.testing.lab.janitor import Janitor
from bronzewillow.testing.lab.netns import CUBIC, Namespace, join, like_a_cable
from bronzewillow.testing.lab.plan import (
    MAC_CIDR,
    MAC_MAC,
    MAC_OUT,
    OUT_LENGTH,
    OUT_MTU,
    WORKER_GATEWAY,
    WORKER_MAC,
    WORKER_OUT,
    WORKER_PODS,
    Cable,
    Plan,
    Style,
)

_numbers = itertools.count(1)

Create = Callable[[str], Namespace]
"""Makes a namespace of a lab."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The namespaces of one lab, and a folder that goes with them."""

    plan: Plan
    folder: Path
    worker: Namespace
    mac: Namespace
    pods: tuple[Namespace, ...]
    net: Namespace | None
    """Where the relay stands: its devices are `w0`, towards the worker, and `m0`."""

    @property
    def pod(self) -> Namespace:
        """The first pod on the worker."""
        return self.pods[0]


@contextmanager
def namespaces() -> Iterator[tuple[Create, Path]]:
    """Makes namespaces by their short names, and a folder; all of it is taken down at the end.

    Names are unique, so that labs run side by side.
    """
    prefix = f"bw{os.getpid()}n{next(_numbers)}"
    # A short path: unix sockets go in there, and macOS allows about 104 bytes.
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir="/tmp"))
    folder.chmod(0o755)
    janitor = Janitor(prefix, folder)
    created: list[Namespace] = []

    def create(name: str) -> Namespace:
        created.append(Namespace.create(f"{prefix}-{name}"))
        return created[-1]

    try:
        yield create, folder
    finally:
        janitor.close()
        for namespace in created:
            namespace.reap()


@contextmanager
def build(plan: Plan) -> Iterator[Topology]:
    """The lab of a plan, taken down at the end."""
    with namespaces() as (create, folder):
        yield _up(plan, create, folder)


def _up(plan: Plan, create: Create, folder: Path) -> Topology:
    worker, mac = create("worker"), create("mac")
    net = create("net") if plan.relayed else None
    if net is None:
        join(worker, "out0", mac, "out0", OUT_MTU)
    else:
        join(worker, "out0", net, "w0", OUT_MTU)
        join(mac, "out0", net, "m0", OUT_MTU)
        like_a_cable(net, "w0")
        like_a_cable(net, "m0")
    worker.ip("addr", "add", f"{WORKER_OUT}/{OUT_LENGTH}", "dev", "out0")
    mac.ip("addr", "add", f"{MAC_OUT}/{OUT_LENGTH}", "dev", "out0")
    if plan.cable in (Cable.REAL, Cable.TRAINS):
        like_a_cable(worker, "out0")
        like_a_cable(mac, "out0", trains=plan.cable is Cable.TRAINS)
    # A node has a default route; without one proxy ARP does not answer for 169.254.1.1.
    worker.ip("route", "add", "default", "via", "192.0.2.254", "dev", "out0")
    worker.sysctl("net.ipv4.ip_forward", "1")
    _worker_vtep(plan, worker)
    pods = tuple(create(f"pod{number}") for number in range(1, len(WORKER_PODS) + 1))
    if plan.style is Style.FLANNEL:
        _bridged_pods(plan, worker, pods)
    else:
        _routed_pods(plan, worker, pods)
        _calico_filter(plan, worker)
    return Topology(plan, folder, worker, mac, pods, net)


def _worker_vtep(plan: Plan, worker: Namespace) -> None:
    make_vtep(
        plan,
        worker,
        local=WORKER_OUT,
        mac=WORKER_MAC,
        tunnel=plan.worker_tunnel,
        peer=(MAC_OUT, MAC_MAC, plan.mac_tunnel, MAC_CIDR),
    )
    if plan.cable is Cable.VXLAN_TX_OFF:
        worker.run("ethtool", "-K", plan.device, "tx", "off")


def make_vtep(
    plan: Plan, node: Namespace, *, local: str, mac: str, tunnel: str, peer: tuple[str, str, str, str]
) -> None:
    """The kernel's VXLAN device as Flannel and Calico set it up: no learning, the peer is static."""
    peer_out, peer_mac, peer_tunnel, peer_cidr = peer
    device = plan.device
    vxlan = ("type", "vxlan", "id", str(plan.vni), "local", local, "dev", "out0", "dstport", str(plan.port))
    node.ip("link", "add", device, "address", mac, "mtu", str(plan.pod_mtu), *vxlan, "udpcsum", "nolearning")
    node.ip("addr", "add", f"{tunnel}/32", "dev", device)
    node.ip("link", "set", device, "up")
    node.run("bridge", "fdb", "add", peer_mac, "dev", device, "dst", peer_out, "self", "permanent")
    node.ip("neigh", "replace", peer_tunnel, "lladdr", peer_mac, "dev", device, "nud", "permanent")
    node.ip("route", "add", peer_cidr, "via", peer_tunnel, "dev", device, "src", tunnel, "onlink", *CUBIC)


def _bridged_pods(plan: Plan, worker: Namespace, pods: tuple[Namespace, ...]) -> None:
    worker.ip("link", "add", "cni0", "mtu", str(plan.pod_mtu), "type", "bridge")
    worker.ip("addr", "add", f"{WORKER_GATEWAY}/24", "dev", "cni0")
    worker.ip("link", "set", "cni0", "up")
    for number, (pod, address) in enumerate(zip(pods, WORKER_PODS, strict=True), 1):
        join(worker, f"veth{number}", pod, "eth0", plan.pod_mtu)
        worker.ip("link", "set", f"veth{number}", "master", "cni0")
        pod.ip("addr", "add", f"{address}/24", "dev", "eth0")
        pod.ip("route", "add", "default", "via", WORKER_GATEWAY, *CUBIC)


def _routed_pods(plan: Plan, worker: Namespace, pods: tuple[Namespace, ...]) -> None:
    for number, (pod, address) in enumerate(zip(pods, WORKER_PODS, strict=True), 1):
        device = f"cali{number}"
        join(worker, device, pod, "eth0", plan.pod_mtu)
        worker.sysctl(f"net.ipv4.conf.{device}.proxy_arp", "1")
        worker.sysctl(f"net.ipv4.neigh.{device}.proxy_delay", "0")
        worker.ip("route", "add", f"{address}/32", "dev", device)
        pod.ip("addr", "add", f"{address}/32", "dev", "eth0")
        pod.ip("route", "add", "169.254.1.1", "dev", "eth0", "scope", "link")
        pod.ip("route", "add", "default", "via", "169.254.1.1", *CUBIC)


def _calico_filter(plan: Plan, worker: Namespace) -> None:
    """Tunnel packets only from listed nodes, and untracked: what Felix writes."""
    tunnel = ("-p", "udp", "--dport", str(plan.port))
    to_us = ("-m", "addrtype", "--dst-type", "LOCAL")
    worker.run("ipset", "create", "cali40all-vxlan-net", "hash:net")
    worker.run("ipset", "add", "cali40all-vxlan-net", MAC_OUT)
    listed = ("-m", "set", "--match-set", "cali40all-vxlan-net", "src")
    worker.run("iptables", "-w", "-A", "INPUT", *tunnel, *listed, *to_us, "-j", "ACCEPT")
    worker.run("iptables", "-w", "-A", "INPUT", *tunnel, *to_us, "-j", "DROP")
    worker.run("iptables", "-w", "-t", "raw", "-A", "PREROUTING", *tunnel, "-j", "NOTRACK")
