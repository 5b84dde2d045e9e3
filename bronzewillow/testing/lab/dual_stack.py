"""An underlay of IPv6, and pods that have an address of each family: laid over the lab of a plan.

Both families of pods go by that underlay, or each by its own, as Flannel has it.
"""

from __future__ import annotations

from enum import StrEnum

from bronzewillow.testing.lab.netns import CUBIC, Namespace
from bronzewillow.testing.lab.plan import (
    MAC_CIDR,
    MAC_MAC,
    MAC_OUT,
    MAC_POD,
    OUT_MTU,
    WORKER_CIDR,
    WORKER_MAC,
    WORKER_OUT,
    Plan,
)
from bronzewillow.testing.lab.topology import Topology

WORKER_OUT_V6, MAC_OUT_V6 = "2001:db8::1", "2001:db8::2"
WORKER_CIDR_V6, WORKER_GATEWAY_V6 = "fd00:1::/64", "fd00:1::1"
WORKER_PODS_V6 = ("fd00:1::b", "fd00:1::c")
MAC_CIDR_V6, MAC_NODE_V6, MAC_POD_V6 = "fd00:7::/64", "fd00:7::1", "fd00:7::a"
WORKER_MAC_V6, MAC_MAC_V6 = "02:aa:aa:aa:aa:61", "02:bb:bb:bb:bb:62"
DEVICE = "flannel-v6.1"
VXLAN_BYTES_V6 = 70
"""Outer IPv6 and UDP, VXLAN, inner Ethernet."""
POD_MTU = OUT_MTU - VXLAN_BYTES_V6
_WORKER_TUNNEL, _MAC_TUNNEL = "fd00:1::", "fd00:7::"


class DualStack(StrEnum):
    """How the worker reaches the Mac's pods of IPv6."""

    STATIC = "static"
    """With those of IPv4 over one underlay, by a static neighbour, as all CNIs have it."""
    ASKS = "asks"
    """Likewise, but the first pod is on the link, as the worker sees it: its kernel asks over the tunnel."""
    FLANNEL = "flannel"
    """By a second VXLAN device with MACs of its own, beside the one for IPv4."""

    @property
    def pod_mtu(self) -> int:
        """Of the worker's pods. Flannel's is that of IPv4; its kernel then says Packet Too Big."""
        return Plan().pod_mtu if self is DualStack.FLANNEL else POD_MTU


def add_dual_stack(topology: Topology, kind: DualStack) -> None:
    """Give worker, Mac and pods IPv6, and lead the Mac's pods over an underlay of it."""
    worker, mac = topology.worker, topology.mac
    for namespace in (worker, mac, *topology.pods):
        _enable(namespace)
    worker.sysctl("net.ipv6.conf.all.forwarding", "1")
    worker.ip("addr", "add", f"{WORKER_OUT_V6}/64", "dev", "out0", "nodad")
    mac.ip("addr", "add", f"{MAC_OUT_V6}/64", "dev", "out0", "nodad")
    _make_vtep(topology.plan, worker, kind)
    worker.ip("addr", "add", f"{WORKER_GATEWAY_V6}/64", "dev", "cni0", "nodad")
    for pod, address in zip(topology.pods, WORKER_PODS_V6, strict=True):
        pod.ip("link", "set", "eth0", "mtu", str(kind.pod_mtu))
        pod.ip("addr", "add", f"{address}/64", "dev", "eth0", "nodad")
        pod.ip("-6", "route", "add", "default", "via", WORKER_GATEWAY_V6, *CUBIC)


def render_dual_stack(plan: Plan, kind: DualStack, ports: str) -> str:
    """The agent's configuration file; `ports` is the list of the one pod."""
    overlay = _two_underlays(plan) if kind is DualStack.FLANNEL else _one_underlay(plan)
    return f"""\
{overlay}
[[pods]]
name = "default/both"
address = ["{MAC_POD}", "{MAC_POD_V6}"]
ports = {ports}
"""


def _two_underlays(plan: Plan) -> str:
    return f"""\
[[overlay]]
address = "{MAC_OUT}"
port = {plan.port}
vni = {plan.vni}
pod_cidr = "{MAC_CIDR}"
mac = "{MAC_MAC}"

[[overlay.peers]]
name = "worker-1"
address = "{WORKER_OUT}"
mac = "{WORKER_MAC}"
pod_cidrs = ["{WORKER_CIDR}"]

[[overlay]]
address = "{MAC_OUT_V6}"
port = {plan.port}
vni = {plan.vni}
pod_cidr = "{MAC_CIDR_V6}"
mac = "{MAC_MAC_V6}"

[[overlay.peers]]
name = "worker-1"
address = "{WORKER_OUT_V6}"
mac = "{WORKER_MAC_V6}"
pod_cidrs = ["{WORKER_CIDR_V6}"]
"""


def _one_underlay(plan: Plan) -> str:
    return f"""\
[overlay]
address = "{MAC_OUT_V6}"
port = {plan.port}
vni = {plan.vni}
pod_cidr = ["{MAC_CIDR}", "{MAC_CIDR_V6}"]
mac = "{MAC_MAC}"

[[overlay.peers]]
name = "worker-1"
address = "{WORKER_OUT_V6}"
mac = "{WORKER_MAC}"
pod_cidrs = ["{WORKER_CIDR}", "{WORKER_CIDR_V6}"]
"""


def _enable(namespace: Namespace) -> None:
    for where in ("all", "default"):
        namespace.sysctl(f"net.ipv6.conf.{where}.disable_ipv6", "0")
        namespace.sysctl(f"net.ipv6.conf.{where}.accept_dad", "0")


def _make_vtep(plan: Plan, worker: Namespace, kind: DualStack) -> None:
    """Flannel's second device; unless it stands beside the first, with routes for both families."""
    alone = kind is not DualStack.FLANNEL
    ours, theirs = (WORKER_MAC, MAC_MAC) if alone else (WORKER_MAC_V6, MAC_MAC_V6)
    vxlan = ("type", "vxlan", "id", str(plan.vni), "local", WORKER_OUT_V6, "dev", "out0")
    link = ("link", "add", DEVICE, "address", ours, "mtu", str(kind.pod_mtu))
    worker.ip(*link, *vxlan, "dstport", str(plan.port), "nolearning")
    if alone:
        worker.ip("addr", "add", f"{plan.worker_tunnel}/32", "dev", DEVICE)
    worker.ip("addr", "add", f"{_WORKER_TUNNEL}/128", "dev", DEVICE, "nodad")
    worker.ip("link", "set", DEVICE, "up")
    fdb = ("bridge", "fdb", "add")
    worker.run(*fdb, theirs, "dev", DEVICE, "dst", MAC_OUT_V6, "self", "permanent")
    of_v4 = (plan.mac_tunnel, MAC_CIDR, plan.worker_tunnel)
    of_v6 = (_MAC_TUNNEL, MAC_CIDR_V6, _WORKER_TUNNEL)
    for tunnel, cidr, source in (of_v4, of_v6) if alone else (of_v6,):
        worker.ip("neigh", "replace", tunnel, "lladdr", theirs, "dev", DEVICE, "nud", "permanent")
        way = ("via", tunnel, "dev", DEVICE, "src", source, "onlink", *CUBIC)
        worker.ip("route", "replace", cidr, *way)
    if kind is DualStack.ASKS:
        # questions go to whom the all-zero entry names, since multicast has none of its own
        worker.run(*fdb, "00:00:00:00:00:00", "dev", DEVICE, "dst", MAC_OUT_V6, "self", "permanent")
        worker.ip("-6", "route", "add", f"{MAC_POD_V6}/128", "dev", DEVICE, "src", _WORKER_TUNNEL)
