"""Paths that take less than the overlay says: what is sent shrinks, by whoever's word, and arrives whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.dual_stack import MAC_POD_V6, WORKER_OUT_V6, WORKER_PODS_V6, DualStack
from bronzewillow.testing.lab.files import content_digest
from bronzewillow.testing.lab.node import TCP_PORT, Node, Running
from bronzewillow.testing.lab.plan import MAC_POD, WORKER_OUT, WORKER_PODS

pytestmark = pytest.mark.lab

SIZE = 60_000_000
LIMIT_S = 300
NODES = {4: f"{WORKER_OUT}/32", 6: f"{WORKER_OUT_V6}/128"}
PODS = {4: f"{WORKER_PODS[0]}/32", 6: f"{WORKER_PODS_V6[0]}/128"}
OURS = {4: MAC_POD, 6: f"[{MAC_POD_V6}]"}
HEADERS = {4: 40 + 12, 6: 60 + 12}
"""IP, TCP, and TCP's timestamps."""
TINY = 1300
"""Less than an inner packet of IPv6 must have room for: 1,280 bytes and 70."""


@pytest.fixture
def own(running: Running) -> Iterator[Node]:
    with running(model=False, dual_stack=DualStack.FLANNEL) as node:
        yield node


def transfer_both_ways(node: Node, family: int, rate: str = "1G") -> None:
    pod, body, url = (
        node.topology.pod,
        str(node.topology.folder / "body"),
        f"http://{OURS[family]}:{TCP_PORT}",
    )
    curl = ("curl", "-gsSf", "-m", str(LIMIT_S), "--limit-rate", rate)
    pod.run(*curl, "-o", body, f"{url}/bytes/{SIZE}", timeout_s=LIMIT_S + 5)
    assert pod.run("sha256sum", body).split()[0] == content_digest(SIZE)
    assert pod.run(*curl, "-T", body, f"{url}/sha256", timeout_s=LIMIT_S + 5) == content_digest(SIZE)


def smallest_segment(node: Node) -> int:
    """Of what our pods' open connections send, in bytes."""
    return min((flow["mss"] for flow in node.flows()), default=1 << 16)


@pytest.mark.parametrize(
    ("family", "mtu"), [(4, 1300), (6, 1380), (6, TINY)], ids=["ipv4", "ipv6", "ipv6 in fragments"]
)
def test_our_kernel_says_so(own: Node, family: int, mtu: int) -> None:
    """What it has learned of a router, a route says here."""
    own.topology.mac.ip(f"-{family}", "route", "replace", NODES[family], "dev", "out0", "mtu", str(mtu))
    transfer_both_ways(own, family)
    status = own.status()
    assert 0 < status["datagram_io"]["errors"]["emsgsize"] < 50, status["datagram_io"]
    (path,) = (one["path_mtu"] for one in status["peers"] if (":" in one["address"]) == (family == 6))
    assert path == mtu - {4: 50, 6: 70}[family]
    pod, address = own.topology.pod, OURS[family].strip("[]")
    pod.attempt("ping", "-c", "1", "-W", "2", "-s", "2900", address)  # its own node says Packet Too Big, once
    pod.ping(address, "-s", "2900")


@pytest.mark.parametrize("family", [4, 6])
def test_a_router_behind_the_tunnel_says_so(own: Node, family: int) -> None:
    """By ICMP through the tunnel: the worker's way to its own pod takes less than the pod believes."""
    worker, mtu = own.topology.worker, 1300
    worker.ip(f"-{family}", "route", "replace", PODS[family], "dev", "cni0", "mtu", "lock", str(mtu))
    url = f"http://{OURS[family]}:{TCP_PORT}/bytes/{SIZE}"
    curl = ("curl", "-gsSf", "-m", str(LIMIT_S), "--limit-rate", "5M", "-o", "/dev/null")
    slow = own.topology.pod.popen(*curl, url)
    wait_until(lambda: smallest_segment(own) == mtu - HEADERS[family], "segments have shrunk")
    slow.terminate()
    slow.wait(timeout=60)
    transfer_both_ways(own, family)
    status = own.status()
    assert not status["datagram_io"]["errors"] and not status["drops"].get("oversize"), status
