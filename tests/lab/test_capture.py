"""`bronzewillow capture` writes what tcpdump reads, without a checksum that tcpdump finds wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bronzewillow.testing.lab.calls import FILES, chat
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.netns import unprivileged
from bronzewillow.testing.lab.node import Node
from bronzewillow.testing.lab.plan import MAC_POD
from bronzewillow.testing.lab.sniffer import read_capture, sniffing

pytestmark = pytest.mark.lab

MARK = b"the very end"
HOLD = f"""
import signal, socket
held = socket.create_connection(("{MAC_POD}", 8080))
print(flush=True)
signal.pause()
"""


LOOK = ("-vv", "-e", "-T", "vxlan")
"""With every checksum."""


def traffic(node: Node) -> None:
    """Some of everything."""
    pod = node.topology.pod
    pod.ping(MAC_POD, "-s", "2000")
    chat(pod, 4)
    pod.run("curl", "-sSf", "-m", "10", "-o", "/dev/null", f"{FILES}/bytes/500000")


def mark(node: Node) -> None:
    """Behind everything else."""
    node.topology.pod.ping(MAC_POD, "-p", MARK.hex(), count=1)


def assert_sound(text: str, node: Node) -> None:
    assert text.count("VXLAN, flags [I] (0x08), vni 1") > 100
    for mark in ("incorrect", "bad udp cksum", "bad cksum", "wrong icmp cksum", "[bad", "trunc"):
        assert mark not in text, next(line for line in text.splitlines() if mark in line)
    for part in ("ICMP echo request", "ICMP echo reply", "Flags [S]", "Flags [S.]", "(correct)"):
        assert part in text
    lengths = [
        int(line.split(" length ")[1].split(":")[0]) for line in text.splitlines() if "ethertype" in line
    ]
    assert lengths
    assert max(lengths) <= node.topology.plan.pod_mtu + 14 + 50


def test_the_agents_capture(node: Node) -> None:
    file = node.folder / "agent.pcap"
    program = str(node.environment / "venv" / "bin" / "bronzewillow")
    argv = unprivileged([program, "capture", "--control", str(node.control), "-w", str(file)])
    environ = {"PATH": os.environ["PATH"], "HOME": str(node.folder)}
    with subprocess.Popen(argv, env=environ, cwd=node.folder, stderr=subprocess.PIPE, text=True) as capture:
        try:
            while not file.exists() or not file.stat().st_size:
                traffic(node)
            traffic(node)
            mark(node)
            wait_until(lambda: MARK in file.read_bytes(), "everything before the mark has been written")
        finally:
            capture.terminate()
        _, said = capture.communicate(timeout=60)
        assert capture.returncode == 0, said
    assert "frames in" in said
    assert_sound(read_capture(file, *LOOK), node)


def test_the_commands_show_what_happens(node: Node) -> None:
    pod = node.topology.pod
    status = json.loads(node.run_cli("status", "--json"))
    assert [peer["name"] for peer in status["peers"]] == ["worker-1"]
    assert "default/model-0" in node.run_cli("status")
    with pod.popen(sys.executable, "-c", HOLD, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        client.stdout.readline()
        wait_until(
            lambda: [flow["state"] for flow in node.flows()] == ["ESTABLISHED"], "it stands, and no other"
        )
        (flow,) = json.loads(node.run_cli("flows", "--json"))
        assert MAC_POD in node.run_cli("flows")
        client.terminate()
    assert flow["state"] == "ESTABLISHED"
    assert flow["local"] == f"{MAC_POD}:8080"
    assert flow["remote"].startswith("10.244.1.11:")
    assert flow["mss"] == node.topology.plan.pod_mtu - 52


def test_what_the_agent_says_is_what_the_cable_carries(node: Node) -> None:
    file = node.topology.folder / "cable.pcap"
    with sniffing(node.topology.mac, file):
        traffic(node)
    assert_sound(read_capture(file, *LOOK), node)
