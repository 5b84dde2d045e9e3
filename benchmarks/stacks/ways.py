"""Ways from a client's namespace to servers on the loopback address of another, each by its own TCP/IP.

All of them end a TCP connection of the client and open one of their own to the server, but for the kernel's
VXLAN, which has the server's TCP answer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bronzewillow.testing.lab.child import Child, wait_until
from bronzewillow.testing.lab.config import Pod, Port
from bronzewillow.testing.lab.netns import Namespace, join, like_a_cable
from bronzewillow.testing.lab.node import Node
from bronzewillow.testing.lab.plan import (
    MAC_MAC,
    MAC_OUT,
    MAC_POD,
    WORKER_CIDR,
    WORKER_MAC,
    WORKER_OUT,
    Cable,
    Plan,
)
from bronzewillow.testing.lab.topology import build, make_vtep, namespaces

BULK_PORT = 5201
IDLE_PORTS = tuple(range(7000, 7010))
"""Ten, as a port takes 1,024 connections."""
RELAYED = (BULK_PORT, *IDLE_PORTS)
WEB_PORT, EVENTS_PORT = 8080, 8081
_PYTCP = "pmd-pytcp==0.3.8"  # GPL: run as a program of its own, and no dependency of ours
_PYTCP_HOME = Path(".cache/pytcp")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Way:
    """One of them, while it stands."""

    name: str
    client: Namespace
    server: Namespace
    host: str
    """Under which the client finds the server."""
    folder: Path
    stack: Child | None = None
    """The process that is the stack; None for the kernel."""
    children: list[Child] = field(default_factory=list)

    def start(self, name: str, namespace: Namespace, *argv: str, ready: str = "") -> Child:
        """A program, as root."""
        child = Child(name, namespace, argv, self.folder, dict(os.environ))
        self.children.append(child)
        if ready:
            child.wait_line(ready)
        return child

    def cpu_s(self) -> float:
        """Seconds that the stack's process has computed, for itself and in the kernel."""
        if self.stack is None:
            return 0.0
        fields = Path(f"/proc/{self.stack.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def memory_bytes(self) -> int:
        """Resident memory of the stack's process."""
        return self.stack.resident_bytes() if self.stack is not None else 0

    def end(self) -> None:
        """End what was started here, the last first."""
        for child in reversed(self.children):
            if child.process.poll() is None:
                child.signal(signal.SIGKILL)


class _Interpreted(Node):
    def _environ(self) -> dict[str, str]:
        return {**super()._environ(), "BRONZEWILLOW_PURE": "1"}


@contextmanager
def ours(environment: Path, *, pure: bool = False) -> Iterator[Way]:
    """The agent, at a kernel VXLAN worker over a cable that takes 1500 bytes and no more."""
    with build(Plan(cable=Cable.TRAINS)) as topology:
        node = (_Interpreted if pure else Node)(topology, environment)
        node.prepare()
        relayed = tuple(Port(number, f"tcp:127.0.0.1:{number}", "tcp") for number in RELAYED)
        web = tuple(Port(number, f"tcp:127.0.0.1:{number}", "http") for number in (WEB_PORT, EVENTS_PORT))
        pod = Pod("default/stack-0", MAC_POD, (*relayed, *web))
        agent = node.start_agent((pod,), "--log-level", "warning")
        name = "bronzewillow, interpreted" if pure else "bronzewillow"
        yield Way(name, topology.pod, topology.mac, MAC_POD, topology.folder, agent)


@contextmanager
def kernel(*, offloads: bool) -> Iterator[Way]:
    """A second kernel VXLAN in the place of the agent."""
    plan = Plan(cable=Cable.OFFLOAD if offloads else Cable.TRAINS)
    with build(plan) as topology:
        mac = topology.mac
        peer = (WORKER_OUT, WORKER_MAC, plan.worker_tunnel, WORKER_CIDR)
        make_vtep(plan, mac, local=MAC_OUT, mac=MAC_MAC, tunnel=plan.mac_tunnel, peer=peer)
        mac.ip("addr", "add", f"{MAC_POD}/32", "dev", plan.device)
        if not offloads:
            for namespace in (topology.worker, mac):
                namespace.run(
                    "ethtool", "-K", plan.device, "tx", "off", "tso", "off", "gso", "off", "gro", "off"
                )
            like_a_cable(topology.worker, "out0")
            like_a_cable(mac, "out0")
        name = f"kernel VXLAN, offloads {'on' if offloads else 'off'}"
        yield Way(name, topology.pod, mac, MAC_POD, topology.folder)


@contextmanager
def slirp4netns() -> Iterator[Way]:
    """slirp4netns on a TAP device, MTU 1500: the host's loopback address is 10.0.2.2."""
    with namespaces() as (create, folder):
        client, server = create("pod"), create("host")
        way = Way("slirp4netns", client, server, "10.0.2.2", folder)
        argv = (
            "slirp4netns",
            "--configure",
            "--mtu=1500",
            "--netns-type=path",
            f"/run/netns/{client.name}",
            "tap0",
        )
        try:
            way.stack = way.start("slirp4netns", server, *argv)
            wait_until(lambda: "10.0.2.100" in client.ip("addr"), "slirp4netns has configured its namespace")
            yield way
        finally:
            way.end()


@contextmanager
def pasta() -> Iterator[Way]:
    """passt's other half, MTU 1500: the gateway's address is the host's loopback address."""
    with namespaces() as (create, folder):
        client, server, gateway = create("pod"), create("host"), create("gateway")
        join(server, "eth0", gateway, "eth0", 1500)
        server.ip("addr", "add", "192.0.2.2/24", "dev", "eth0")
        server.ip("route", "add", "default", "via", "192.0.2.1")
        way = Way("pasta", client, server, "192.0.2.1", folder)
        argv = ("pasta", "-f", "-q", "--runas", "0", "--config-net", "-m", "1500", "--netns-only", "--netns")
        try:
            way.stack = way.start("pasta", server, *argv, f"/run/netns/{client.name}")
            wait_until(lambda: "192.0.2.2" in client.ip("addr"), "pasta has configured its namespace")
            yield way
        finally:
            way.end()


@contextmanager
def pytcp() -> Iterator[Way]:
    """PyTCP on a TAP device, MTU 1500; what it accepts a relay of ours passes on."""
    python = _python_with_pytcp()
    with namespaces() as (create, folder):
        client, server = create("pod"), create("host")
        way = Way("PyTCP", client, server, "10.0.2.2", folder)
        client.ip("tuntap", "add", "tap0", "mode", "tap")
        client.ip("addr", "add", "10.0.2.100/24", "dev", "tap0")
        client.ip("link", "set", "tap0", "up")
        script = str(Path(__file__).with_name("pytcp.py"))
        names = [f"/run/netns/{one.name}" for one in (client, server)]
        argv = (python, "-P", script, *names, f"{way.host}/24", str(BULK_PORT))
        try:
            way.stack = way.start("pytcp", server, *argv, ready="listening")
            yield way
        finally:
            way.end()


def _python_with_pytcp() -> str:
    """An environment for it alone, made once."""
    python, stamp = _PYTCP_HOME.absolute() / "bin" / "python", _PYTCP_HOME / _PYTCP
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_PYTCP_HOME)], check=True)
        pip = (str(python), "-m", "pip", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, "install", _PYTCP], check=True)
        stamp.touch()
    return str(python)
