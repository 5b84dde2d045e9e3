"""What the network between the nodes says, and does: ICMP, full queues, large packets, many addresses."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.files import content_digest
from bronzewillow.testing.lab.node import TCP_PORT, Node, Running
from bronzewillow.testing.lab.plan import MAC_NODE, MAC_POD, WORKER_OUT

pytestmark = pytest.mark.lab

SIZE = 20_000_000
URL = f"http://{MAC_POD}:{TCP_PORT}/bytes/{SIZE}"
SECOND_ADDRESS = "192.168.77.1"


@pytest.fixture(scope="module")
def own(running: Running) -> Iterator[Node]:
    with running(model=False) as node:
        yield node


def errors(node: Node) -> dict[str, int]:
    found: dict[str, int] = node.status()["datagram_io"]["errors"]
    return found


def download(node: Node, name: str, rate: str = "1G") -> tuple[subprocess.Popen[bytes], Path]:
    to = node.topology.folder / name
    curl = ("curl", "-sSf", "-m", "120", "--limit-rate", rate, "-o", str(to), URL)
    return node.topology.pod.popen(*curl), to


def assert_whole(node: Node, transfer: subprocess.Popen[bytes], path: Path) -> None:
    assert transfer.wait(timeout=130) == 0
    assert node.topology.pod.run("sha256sum", str(path)).split()[0] == content_digest(SIZE)


def test_a_port_that_is_unreachable_for_a_while_ends_nothing(own: Node) -> None:
    worker, plan, before = own.topology.worker, own.topology.plan, errors(own)
    transfer, path = download(own, "refused", rate="2M")
    wait_until(lambda: path.exists() and path.stat().st_size > 0, "it flows")
    rule = ("INPUT", "-p", "udp", "--dport", str(plan.port), "-j", "REJECT", "--reject-with")
    worker.run("iptables", "-w", "-I", *rule, "icmp-port-unreachable")
    wait_until(lambda: "icmp_econnrefused" in errors(own), "ICMP is counted")
    time.sleep(1)  # as long as it may hurt
    worker.run("iptables", "-w", "-D", *rule, "icmp-port-unreachable")
    assert_whole(own, transfer, path)
    assert errors(own).keys() - before.keys() == {"icmp_econnrefused"}


def test_a_full_queue_of_the_interface_makes_datagrams_wait(own: Node) -> None:
    mac = own.topology.mac
    before = own.status()["pods"][1]["counters"]["retransmitted_segments"]
    mac.run(
        "tc",
        "qdisc",
        "add",
        "dev",
        "out0",
        "root",
        "tbf",
        "rate",
        "50mbit",
        "burst",
        "20kb",
        "limit",
        "64kb",
    )
    try:
        assert_whole(own, *download(own, "queued"))
    finally:
        mac.run("tc", "qdisc", "del", "dev", "out0", "root")
    assert errors(own)["enobufs"] > 0
    retransmitted = own.status()["pods"][1]["counters"]["retransmitted_segments"] - before
    assert retransmitted < SIZE / 1400 / 50, retransmitted  # the queue refuses far more than that


def test_a_worker_that_speaks_from_another_address_of_its_host_is_answered(own: Node) -> None:
    worker = own.topology.worker
    worker.ip("addr", "add", f"{SECOND_ADDRESS}/32", "dev", "lo")
    for source in (SECOND_ADDRESS, WORKER_OUT):
        worker.ping(MAC_POD, "-I", source)
    curl = ("curl", "-sSf", "-m", "25", "-o", "/dev/null", "-w", "%{size_download}")
    assert worker.run(*curl, "--interface", SECOND_ADDRESS, URL) == str(SIZE)
    assert "spoofed_inner_source" not in own.status()["drops"]


def test_a_cluster_of_jumbo_frames_is_told_of_our_mtu(own: Node) -> None:
    topology = own.topology
    for namespace, devices in (
        (topology.mac, ("out0",)),
        (topology.worker, ("out0", topology.plan.device, "cni0", "veth1")),
        (topology.pod, ("eth0",)),
    ):
        for device in devices:
            namespace.ip("link", "set", device, "mtu", "4050" if device == "out0" else "4000")
    told = topology.pod.attempt("ping", "-c", "1", "-W", "20", "-M", "do", "-s", "3000", MAC_POD)
    assert f"From {MAC_NODE}" in told.stdout and "mtu = 1450" in told.stdout, told.stdout
    topology.pod.ping(MAC_POD, "-M", "do", "-s", str(1450 - 28))
    assert_whole(own, *download(own, "jumbo"))
    assert own.status()["drops"]["oversize"] == 1
