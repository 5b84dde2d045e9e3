"""A Mac in the cluster of each CNI: what our agent publishes there makes the worker find our pods.

The agent knows nothing but its cluster, and the worker nothing of us but what the cluster has.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bronzewillow.kube.resources import NODES
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.files import content_digest
from bronzewillow.testing.lab.joined import FILES_PORT, METRICS, OUTLET
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.cases import Placed
from bronzewillow.testing.lab.peers.kube_proxy import NODE_PORT, SERVICE_PORT, TARGET_PORT
from bronzewillow.testing.lab.peers.peer import WORKER_NODE
from bronzewillow.testing.lab.programs import SENT_TWICE

pytestmark = pytest.mark.lab

SIZE = 64 << 20
LIMIT_S = 600
THROUGH_OUTLET = ("-x", f"http://{OUTLET}")
MOST_ASKED = 40
"""Requests to a Service: that none of so many reaches one of two endpoints is unlikely (1 in 10^12)."""


@pytest.fixture(autouse=True)
def nothing_is_dropped(placed: Placed) -> Iterator[None]:
    before = placed.lab.drops()
    yield
    after = placed.lab.drops()
    new = {reason for reason, count in after.items() if count > before.get(reason, 0)}
    assert new <= {"no_listener", *SENT_TWICE}, (before, after)


def client_of(placed: Placed, namespace: Namespace, url: str, *options: str) -> str:
    """From whom our pod was asked, as it sees it."""
    return str(placed.lab.ask(namespace, url, *options)["client"])


def test_pods_ping_ours(placed: Placed) -> None:
    for pod in placed.lab.pods:
        for address in placed.mac_pods:
            pod.ping(address)


def test_large_packets_come_whole(placed: Placed) -> None:
    """One that just fits where both ends may send it, and one that has to be cut."""
    headers = {4: 28, 6: 48}[placed.family.version]
    fits = min(placed.peer.pod_mtu, placed.overlay["mtu"]) - headers
    placed.lab.pod.ping(placed.mac_pods[0], "-M", "do", "-s", str(fits))
    if placed.family.version == 6:  # the first is lost to a router that only tells how large it may be
        placed.lab.pod.attempt("ping", "-c", "1", "-W", "1", "-s", "2900", placed.mac_pods[0])
    placed.lab.pod.ping(placed.mac_pods[0], "-s", "2900")


def test_a_pod_reaches_our_pod_as_itself(placed: Placed) -> None:
    url = placed.url(placed.mac_pods[0], TARGET_PORT, "/client")
    assert client_of(placed, placed.lab.pod, url) == placed.worker_pods[0]


def test_the_worker_itself_comes_from_its_own_address_in_the_overlay(placed: Placed) -> None:
    placed.lab.worker.ping(placed.mac_pods[0])
    placed.lab.worker.ping(placed.peer.mac_node(placed.family))
    url = placed.url(placed.mac_pods[0], TARGET_PORT, "/client")
    assert client_of(placed, placed.lab.worker, url) == placed.peer.host_source(placed.family)


def test_a_service_leads_to_both_our_pods(placed: Placed) -> None:
    url = placed.url(placed.family.service, SERVICE_PORT, "/client")
    ways: set[str] = set()
    for _ in range(MOST_ASKED):
        answer = placed.lab.ask(placed.lab.pod, url)
        assert answer["client"] == placed.worker_pods[0]
        ways.add(answer["way"])
        if len(ways) == 2:
            return
    raise AssertionError(ways)


def test_the_worker_reaches_the_service(placed: Placed) -> None:
    url = placed.url(placed.family.service, SERVICE_PORT, "/client")
    assert client_of(placed, placed.lab.worker, url) == placed.peer.masquerade_source(placed.family)


def test_a_node_port_leads_to_our_pods(placed: Placed) -> None:
    """Asked from outside the cluster: by the Mac's own network."""
    url = placed.url(placed.family.worker_out, NODE_PORT, "/client")
    assert client_of(placed, placed.lab.mac, url) == placed.peer.masquerade_source(placed.family)


def test_our_programs_reach_a_pod_a_service_and_a_name(placed: Placed) -> None:
    lab, ours = placed.lab, placed.peer.mac_node(placed.family)
    for url in (
        placed.url(placed.worker_pods[0], TARGET_PORT, "/client"),
        placed.url(placed.family.web, SERVICE_PORT, "/client"),
    ):
        answer = lab.ask(lab.mac, url, *THROUGH_OUTLET)
        assert answer["way"] in placed.worker_pods
        assert answer["client"] == ours
    named = lab.ask(lab.mac, "http://web.default.svc.cluster.local/client", *THROUGH_OUTLET)
    assert any(named["way"] in placed.peer.worker_pods(family) for family in placed.peer.families)
    alone = f"http://web-v{placed.family.version}.default.svc.cluster.local/client"
    answer = lab.ask(lab.mac, alone, *THROUGH_OUTLET)
    assert answer["way"] in placed.worker_pods
    assert answer["client"] == ours


def test_our_pods_reach_a_pod_and_a_service_as_themselves(placed: Placed) -> None:
    lab = placed.lab
    for number, ours in enumerate(placed.mac_pods):
        for url in (
            placed.url(placed.worker_pods[0], TARGET_PORT, "/client"),
            placed.url(placed.family.web, SERVICE_PORT, "/client"),
        ):
            answer = lab.ask(lab.mac, url, *lab.through_pod(number))
            assert answer["way"] in placed.worker_pods
            assert answer["client"] == ours


@pytest.mark.parametrize("who", ["a pod of our pod", "our pod of a pod"])
def test_large_transfers_both_ways(placed: Placed, who: str) -> None:
    lab = placed.lab
    options: tuple[str, ...] = ()
    if who == "a pod of our pod":
        client, url = lab.pod, placed.url(placed.mac_pods[0], FILES_PORT, "")
    else:
        client, url = lab.mac, placed.url(placed.worker_pods[0], TARGET_PORT, "")
        options = lab.through_pod(0)
    body = str(lab.peer.site.scratch / "body")
    curl = ("curl", "-gsSf", "-m", str(LIMIT_S), *options)
    client.run(*curl, "-o", body, f"{url}/bytes/{SIZE}", timeout_s=LIMIT_S + 5)
    assert client.run("sha256sum", body).split()[0] == content_digest(SIZE)
    assert client.run(*curl, "-T", body, f"{url}/sha256", timeout_s=LIMIT_S + 5) == content_digest(SIZE)


def test_what_is_published_stands(placed: Placed) -> None:
    """Nothing is written again because of what somebody else has changed."""

    def count() -> int:
        return placed.lab.agent_log.count("publishing: ")

    def rests() -> bool:
        seen = count()
        time.sleep(0.5)
        return count() == seen

    wait_until(rests, "all has been published")
    published = count()
    label = {"metadata": {"labels": {"changed": str(published)}}}
    placed.lab.kubectl.patch(NODES, WORKER_NODE, label)
    time.sleep(1.0)
    assert count() == published, placed.lab.agent_log


def test_metrics_say_what_status_says(placed: Placed) -> None:
    text = placed.lab.mac.run("curl", "-sSf", "-m", "10", f"http://{METRICS}/metrics")
    status = placed.lab.status()
    assert f"bronzewillow_peers {float(len({peer['name'] for peer in status['peers']}))}\n" in text
    assert "cannot be" not in placed.lab.agent_log
    assert status["cluster"]["cni"] == placed.peer.cni.value
    assert status["cluster"]["refusals"] == status["cluster"]["missing_rights"] == []
    assert status["cluster"]["trouble"] == ""
