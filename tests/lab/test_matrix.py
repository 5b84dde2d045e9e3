"""The main job against the kernel's VXLAN, in each CNI's style and over each kind of cable."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bronzewillow.testing.lab.calls import FILES, MODEL, answer, chat
from bronzewillow.testing.lab.files import content_digest
from bronzewillow.testing.lab.node import Node, Running
from bronzewillow.testing.lab.plan import MAC_NODE, MAC_POD, MAC_SECOND_POD, Cable, Plan, Style
from bronzewillow.testing.lab.programs import SENT_TWICE

pytestmark = pytest.mark.lab

PLANS = [Plan(style, cable) for style in Style for cable in Cable]


@pytest.fixture(scope="module", params=PLANS, ids=lambda plan: f"{plan.style}-{plan.cable}")
def placed(request: pytest.FixtureRequest, running: Running) -> Iterator[Node]:
    with running(request.param) as node:
        yield node
        assert_nothing_odd(node)


def assert_nothing_odd(node: Node) -> None:
    """Only what the tests mean to be dropped was dropped; trains and unfinished checksums came as planned."""
    status = node.status()
    assert status["native_kernel"] is True
    odd = set(status["drops"]) - SENT_TWICE - {"unknown_inner_destination", "no_listener"}
    assert not odd, status["drops"]
    datagrams, reads = status["datagrams"]["in"], status["datagram_io"]["reads"]
    assert (datagrams > reads) == (node.topology.plan.cable is Cable.TRAINS), (datagrams, reads)
    partial = sum(peer["partial_checksums"] for peer in status["peers"])
    assert (partial > 0) == (node.topology.plan.cable is Cable.OFFLOAD), status["peers"]


def test_ping(placed: Node) -> None:
    for pod in placed.topology.pods:
        pod.ping(MAC_POD, count=5)


def test_ping_that_needs_fragments(placed: Node) -> None:
    placed.topology.pod.ping(MAC_POD, "-s", "2000")


def test_ping_that_just_fits(placed: Node) -> None:
    full = str(placed.topology.plan.pod_mtu - 28)
    placed.topology.pod.ping(MAC_POD, "-M", "do", "-s", full)


def test_the_worker_itself_reaches_pods_and_the_node(placed: Node) -> None:
    for address in (MAC_POD, MAC_NODE):
        placed.topology.worker.ping(address)
    models = json.loads(placed.topology.worker.run("curl", "-sSf", "-m", "10", f"{MODEL}/v1/models"))
    assert models["data"][0]["id"] == "smollm2"


def test_an_address_without_a_pod_is_unreachable(placed: Node) -> None:
    result = placed.topology.pod.attempt("ping", "-c", "1", "-W", "20", MAC_SECOND_POD)
    assert result.returncode == 1
    assert f"From {MAC_NODE}" in result.stdout
    assert "Unreachable" in result.stdout


def test_a_closed_port_refuses(placed: Node) -> None:
    result = placed.topology.pod.attempt("curl", "-sS", "-m", "20", f"http://{MAC_POD}:81/")
    assert result.returncode == 7, result.stderr


def test_chat_is_streamed(placed: Node) -> None:
    chunks = chat(placed.topology.pod)
    assert len(chunks) > 10
    assert answer(chunks).strip()


def test_large_bodies_both_ways(placed: Node) -> None:
    pod, size = placed.topology.pod, 20_000_000
    got = pod.run(
        "sh",
        "-c",
        f"curl -sSf -m 120 {FILES}/bytes/{size} | tee {placed.topology.folder}/body | sha256sum",
        timeout_s=130,
    )
    sent = pod.run(
        "curl", "-sSf", "-m", "120", "-T", f"{placed.topology.folder}/body", f"{FILES}/sha256", timeout_s=130
    )
    assert got.split()[0] == content_digest(size)
    assert sent == content_digest(size)
