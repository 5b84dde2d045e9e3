"""A kernel peer whose neighbour entry for us is right no longer: taken and told, or dropped as kernels do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bronzewillow.testing.lab.node import TCP_PORT, Node, Running
from bronzewillow.testing.lab.plan import MAC_MAC, MAC_OUT, MAC_POD, Plan, Style
from bronzewillow.wire.ethernet import MacRule

pytestmark = pytest.mark.lab

STALE = "02:bb:bb:bb:bb:99"
COUNT = 5
PING = ("ping", "-c", str(COUNT), "-i", "0.05", "-W", "1", MAC_POD)
PLANS = [Plan(style, inner_mac=rule) for style in Style for rule in MacRule]


@pytest.fixture(scope="module", params=PLANS, ids=lambda plan: f"{plan.style}-{plan.inner_mac}")
def ruled(request: pytest.FixtureRequest, running: Running) -> Iterator[Node]:
    with running(request.param, model=False) as node:
        yield node


@contextmanager
def stale_neighbour(node: Node) -> Iterator[None]:
    """The worker sends to another MAC than ours, as after a Node that came back with a new one."""
    worker, plan = node.topology.worker, node.topology.plan
    neighbour = ("neigh", "replace", plan.mac_tunnel, "dev", plan.device, "nud", "permanent", "lladdr")
    worker.run("bridge", "fdb", "add", STALE, "dev", plan.device, "dst", MAC_OUT, "self", "permanent")
    worker.ip(*neighbour, STALE)
    try:
        yield
    finally:
        worker.ip(*neighbour, MAC_MAC)
        worker.run("bridge", "fdb", "del", STALE, "dev", plan.device, "dst", MAC_OUT, "self")


def peer_of(node: Node) -> dict[str, Any]:
    (peer,) = node.status()["peers"]
    return dict(peer)


def test_our_own_mac_is_nothing_to_tell_of(ruled: Node) -> None:
    before, pod = ruled.status(), ruled.topology.pod
    assert " 0% packet loss" in pod.run(*PING)
    assert pod.run("curl", "-sSf", "-m", "10", "-o", "/dev/null", "-w", "%{size_download}", url()) == "100000"
    after = ruled.status()
    assert (after["drops"], after["peers"]) == (before["drops"], before["peers"])


def test_another_mac_is_taken_or_dropped_by_the_rule(ruled: Node) -> None:
    rule, pod = ruled.topology.plan.inner_mac, ruled.topology.pod
    before, noted = ruled.status()["drops"].get("foreign_mac", 0), peer_of(ruled)["foreign_macs"]
    with stale_neighbour(ruled):
        answer = pod.attempt(*PING)
        received = f" {0 if rule is MacRule.OWN else COUNT} received"
        assert received in answer.stdout, answer.stdout
        if rule is not MacRule.OWN:  # trains of TCP go another way through the kernel than pings
            pod.run("curl", "-sSf", "-m", "10", "-o", "/dev/null", url())
    now = ruled.status()["drops"].get("foreign_mac", 0) - before
    told = peer_of(ruled)["foreign_macs"] - noted
    match rule:
        case MacRule.ANY:
            assert (now, told) == (0, 0)
        case MacRule.NOTE:
            assert now == 0
            assert told > COUNT
        case MacRule.OWN:
            assert (now, told) == (COUNT, 0)
    assert " 0% packet loss" in pod.run(*PING)


def url() -> str:
    return f"http://{MAC_POD}:{TCP_PORT}/bytes/100000"
