"""Pods of both families against the kernel's VXLAN: by one underlay of IPv6, and by one of each family."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.dual_stack import MAC_NODE_V6, MAC_OUT_V6, MAC_POD_V6, POD_MTU, DualStack
from bronzewillow.testing.lab.files import content_digest
from bronzewillow.testing.lab.node import TCP_PORT, Node, Running
from bronzewillow.testing.lab.plan import MAC_POD, Cable, Plan
from bronzewillow.testing.lab.programs import SENT_TWICE

pytestmark = pytest.mark.lab

SIZE = 200_000_000
LIMIT_S = 600
UNUSED = "fd00:7::63"
FILES = {4: f"http://{MAC_POD}:{TCP_PORT}", 6: f"http://[{MAC_POD_V6}]:{TCP_PORT}"}
PODS = {4: MAC_POD, 6: MAC_POD_V6}
either_family = pytest.mark.parametrize("family", [4, 6])
CASES = [
    (kind, cable)
    for kind in (DualStack.STATIC, DualStack.FLANNEL)
    for cable in (Cable.REAL, Cable.TRAINS, Cable.OFFLOAD)
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def placed(request: pytest.FixtureRequest, running: Running) -> Iterator[Node]:
    kind, cable = request.param
    with running(Plan(cable=cable), model=False, dual_stack=kind) as node:
        yield node
        status = node.status()
        odd = set(status["drops"]) - SENT_TWICE - {"unknown_inner_destination", "no_listener"}
        assert not odd, status["drops"]
        assert not status["datagram_io"]["errors"]
        partial = sum(peer["partial_checksums"] for peer in status["peers"])
        assert (partial > 0) == (cable is Cable.OFFLOAD), status["peers"]


@either_family
def test_ping(placed: Node, family: int) -> None:
    for pod in placed.topology.pods:
        pod.ping(PODS[family], count=5)


@either_family
def test_ping_that_needs_fragments_and_one_that_just_fits(placed: Node, family: int) -> None:
    pod, headers = placed.topology.pod, {4: 28, 6: 48}[family]
    # where its MTU is too large its node says so, once
    pod.attempt("ping", "-c", "1", "-W", "2", "-s", "2900", PODS[family])
    pod.ping(PODS[family], "-s", "2900")
    pod.ping(PODS[family], "-M", "do", "-s", str(POD_MTU - headers))


def test_the_worker_itself_reaches_pods_and_the_node(placed: Node) -> None:
    for address in (MAC_POD_V6, MAC_NODE_V6):
        placed.topology.worker.ping(address)


def test_an_address_without_a_pod_is_unreachable(placed: Node) -> None:
    result = placed.topology.pod.attempt("ping", "-c", "1", "-W", "20", UNUSED)
    assert result.returncode == 1
    assert f"From {MAC_NODE_V6}" in result.stdout and "Address unreachable" in result.stdout


@either_family
def test_a_closed_port_refuses(placed: Node, family: int) -> None:
    url = FILES[family].replace(f":{TCP_PORT}", ":81")
    result = placed.topology.pod.attempt("curl", "-sS", "-m", "20", url)
    assert result.returncode == 7, result.stderr


@either_family
def test_large_transfers_both_ways(placed: Node, family: int) -> None:
    pod, body = placed.topology.pod, f"{placed.topology.folder}/body{family}"
    curl = ("curl", f"-{family}", "-sSf", "-m", str(LIMIT_S))
    pod.run(*curl, "-o", body, f"{FILES[family]}/bytes/{SIZE}", timeout_s=LIMIT_S + 5)
    assert pod.run("sha256sum", body).split()[0] == content_digest(SIZE)
    sent = pod.run(*curl, "-T", body, f"{FILES[family]}/sha256", timeout_s=LIMIT_S + 5)
    assert sent == content_digest(SIZE)


def test_status_tells_of_both(placed: Node) -> None:
    overlays = placed.status()["overlays"]
    assert overlays[-1]["address"] == MAC_OUT_V6
    assert [one for overlay in overlays for one in overlay["node_addresses"]] == ["10.244.7.1", MAC_NODE_V6]


def test_a_kernel_that_asks_for_a_neighbour_is_answered(running: Running) -> None:
    with running(model=False, dual_stack=DualStack.ASKS) as node:
        worker = node.topology.worker
        worker.ping(MAC_POD_V6)
        table = worker.ip("-6", "neigh", "show", MAC_POD_V6)
        assert "02:bb:bb:bb:bb:02" in table, table
        wait_until(lambda: node.status()["datagrams"]["in"] >= 3, "the ping and the question are counted")
