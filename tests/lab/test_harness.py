"""The lab itself, with a kernel VTEP on both sides: what it promises about cables, relays and cleaning up."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.node import relay_counts, start_relay
from bronzewillow.testing.lab.plan import (
    MAC_MAC,
    MAC_OUT,
    MAC_POD,
    WORKER_CIDR,
    WORKER_MAC,
    WORKER_OUT,
    Cable,
    Plan,
    Style,
)
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.sniffer import read_capture, sniffing
from bronzewillow.testing.lab.topology import Topology, build, make_vtep

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("namespaces")]

_OWNER = """
import sys
from bronzewillow.testing.lab.plan import Plan
from bronzewillow.testing.lab.topology import build
with build(Plan()) as lab:
    lab.mac.popen("sleep", "1000")
    print(lab.mac.name, lab.folder, flush=True)
    sys.stdin.read()
"""


def kernel_peer(lab: Topology) -> None:
    """The kernel in the agent's place, with the agent's pod address on loopback."""
    plan = lab.plan
    worker = (WORKER_OUT, WORKER_MAC, plan.worker_tunnel, WORKER_CIDR)
    make_vtep(plan, lab.mac, local=MAC_OUT, mac=MAC_MAC, tunnel=plan.mac_tunnel, peer=worker)
    lab.mac.ip("addr", "add", f"{MAC_POD}/32", "dev", "lo")


@pytest.mark.parametrize("cable", list(Cable))
@pytest.mark.parametrize("style", list(Style))
def test_pods_reach_a_kernel_peer(style: Style, cable: Cable) -> None:
    with build(Plan(style, cable)) as lab:
        kernel_peer(lab)
        full = str(lab.plan.pod_mtu - 28)
        lab.pod.ping(MAC_POD, "-M", "do", "-s", full)
        lab.pods[1].ping(MAC_POD)
        lab.worker.ping(MAC_POD)


@pytest.mark.parametrize(("cable", "largest"), [(Cable.REAL, 1514), (Cable.OFFLOAD, None)])
def test_a_cable_carries_what_cables_carry(cable: Cable, largest: int | None) -> None:
    with build(Plan(cable=cable)) as lab:
        kernel_peer(lab)
        iperf(lab)  # the first packets wait for ARP
        capture = lab.folder / "cable.pcap"
        with sniffing(lab.mac, capture):
            iperf(lab)
        text = read_capture(capture, "-vv", "-e", "-T", "vxlan")
        lengths = [int(length) for length in re.findall(r"IPv4 \(0x0800\), length (\d+): \(tos", text)]
        assert len(lengths) > (10 if largest is None else 1000)  # trains are as long as the load makes them
        if largest is None:
            assert max(lengths) > 1514
            assert "incorrect" in text
        else:
            assert max(lengths) <= largest
            assert "incorrect" not in text
            assert "bad udp cksum" not in text


def iperf(lab: Topology) -> None:
    """Two megabytes of TCP, pod to Mac."""
    server = lab.mac.popen("iperf3", "-s", "-1", "-p", "5201", "-B", MAC_POD)
    try:
        wait_until(
            lambda: ":5201" in lab.mac.run("ss", "-Hltn"), "iperf3 listens", check=lambda: alive(server)
        )
        lab.pod.run("iperf3", "-c", MAC_POD, "-p", "5201", "-n", "2M")
    finally:
        server.kill()
        server.wait()


def alive(process: subprocess.Popen[bytes]) -> None:
    assert process.poll() is None


def test_pods_send_with_cubic() -> None:
    with build(Plan()) as lab:
        kernel_peer(lab)
        server = lab.mac.popen("iperf3", "-s", "-1", "-B", MAC_POD)
        wait_until(lambda: ":5201" in lab.mac.run("ss", "-Hltn"), "iperf3 listens")
        report = lab.pod.run("iperf3", "-c", MAC_POD, "-n", "1M", "-J")
        server.wait(timeout=60)
        assert json.loads(report)["end"]["sender_tcp_congestion"] == "cubic"


def test_the_relay_impairs_as_told() -> None:
    with build(Plan(relayed=True)) as lab:
        kernel_peer(lab)
        relay = start_relay(lab, Impairment(loss=0.1, duplicate=0.1, reorder=0.1), seed=3)
        lab.pod.attempt("ping", "-c", "400", "-i", "0.002", "-W", "5", MAC_POD)
        wait_until(lambda: relay_counts(relay)["frames"] > 500, "the relay has had most of it")
        counts = relay_counts(relay)
        for what in ("lost", "duplicated", "held_back"):
            assert 0.05 < counts[what] / counts["frames"] < 0.15, counts


def test_a_clean_relay_changes_nothing() -> None:
    with build(Plan(relayed=True)) as lab:
        kernel_peer(lab)
        relay = start_relay(lab, Impairment())
        lab.pod.ping(MAC_POD, count=100)
        assert set(relay_counts(relay)) == {"frames"}


def pids_in(name: str) -> list[int]:
    """The processes of a namespace."""
    found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, check=True).stdout
    return [int(word) for word in found.split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_the_owner_is_killed(number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout is not None
    name, folder = owner.stdout.readline().split()
    wait_until(lambda: pids_in(name) != [], "the process is in its namespace")
    (sleeper,) = pids_in(name)
    owner.send_signal(number)
    owner.communicate(timeout=60)
    wait_until(lambda: not Path("/run/netns", name).exists(), "the namespace is gone")
    wait_until(lambda: not Path(folder).exists(), "the folder is gone")
    wait_until(lambda: not Path(f"/proc/{sleeper}").exists(), "the process is gone")


def test_labs_run_side_by_side() -> None:
    with build(Plan()) as one, build(Plan(Style.CALICO)) as other:
        for lab in (one, other):
            kernel_peer(lab)
            lab.pod.ping(MAC_POD)
