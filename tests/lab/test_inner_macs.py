"""A kernel peer whose neighbour entry for us is right no longer: taken and told, or dropped as kernels do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.node import TCP_PORT, Node, Running
from bronzewillow.testing.lab.plan import MAC_MAC, MAC_OUT, MAC_POD, Plan, Style
from bronzewillow.testing.lab.programs import SENT_TWICE
from bronzewillow.wire.ethernet import MacRule

pytestmark = pytest.mark.lab

STALE = "02:bb:bb:bb:bb:99"
COUNT = 5
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
    before, pod = odd(ruled), ruled.topology.pod
    pod.ping(MAC_POD, count=COUNT)
    assert pod.run("curl", "-sSf", "-m", "20", "-o", "/dev/null", "-w", "%{size_download}", url()) == "100000"
    ruled.wait_for_silence()
    assert odd(ruled) == before


def test_another_mac_is_taken_or_dropped_by_the_rule(ruled: Node) -> None:
    rule, pod = ruled.topology.plan.inner_mac, ruled.topology.pod
    ruled.wait_for_silence()
    before, noted = foreign_drops(ruled), peer_of(ruled)["foreign_macs"]
    with stale_neighbour(ruled):
        if rule is MacRule.OWN:
            answer = pod.attempt("ping", "-c", str(COUNT), "-i", "0.05", "-W", "1", MAC_POD)
            assert " 0 received" in answer.stdout, answer.stdout
            wait_until(lambda: foreign_drops(ruled) >= before + COUNT, "they are dropped")
        else:  # trains of TCP go another way through the kernel than pings
            pod.ping(MAC_POD, count=COUNT)
            pod.run("curl", "-sSf", "-m", "20", "-o", "/dev/null", url())
            ruled.wait_for_silence()
    now = foreign_drops(ruled) - before
    told = peer_of(ruled)["foreign_macs"] - noted
    match rule:
        case MacRule.ANY:
            assert (now, told) == (0, 0)
        case MacRule.NOTE:
            assert now == 0
            assert told > COUNT
        case MacRule.OWN:
            assert (now, told) == (COUNT, 0)
    pod.ping(MAC_POD)


def odd(node: Node) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """What was dropped, and what is told of peers."""
    status = node.status()
    return {why: n for why, n in status["drops"].items() if why not in SENT_TWICE}, status["peers"]


def foreign_drops(node: Node) -> int:
    found: int = node.status()["drops"].get("foreign_mac", 0)
    return found


def url() -> str:
    return f"http://{MAC_POD}:{TCP_PORT}/bytes/100000"
