"""The same stories told to our TCP and to the kernel's, in turns, behind the same relay in one network."""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bronzewillow.testing.lab.child import Child, wait_until
from bronzewillow.testing.lab.node import start_relay
from bronzewillow.testing.lab.plan import MAC_MAC, MAC_OUT, MAC_POD, WORKER_CIDR, WORKER_MAC, WORKER_OUT
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.scenario import bulk
from bronzewillow.testing.lab.topology import Topology, make_vtep

KERNEL, USERSPACE = "kernel", "userspace"
Run = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Facts of the clients and of the servers, each in the order of their seeds."""
_ENDS = "bronzewillow.testing.lab.scenario_ends"
_PATIENCE_S = 300


@contextmanager
def kernel_vtep(topology: Topology) -> Iterator[None]:
    """The Mac's side as a kernel would have it."""
    plan, mac = topology.plan, topology.mac
    peer = (WORKER_OUT, WORKER_MAC, plan.worker_tunnel, WORKER_CIDR)
    make_vtep(plan, mac, local=MAC_OUT, mac=MAC_MAC, tunnel=plan.mac_tunnel, peer=peer)
    mac.ip("addr", "add", f"{MAC_POD}/32", "dev", "lo")
    try:
        yield
    finally:
        mac.ip("addr", "del", f"{MAC_POD}/32", "dev", "lo")
        mac.ip("link", "del", plan.device)


def tell(
    topology: Topology, kind: str, road: Impairment, seeds: Sequence[int], seed: int = 1, at_once: int = 16
) -> Run:
    """All stories, by one server of that kind; the relay decides by `seed`. The topology is a relayed one."""
    with _serving(topology, kind, road, seed) as server:
        words = map(str, (at_once, *seeds))
        client = topology.pod.run(sys.executable, "-m", _ENDS, "client", *words, timeout_s=_PATIENCE_S)
        wait_until(lambda: len(said(server.log)) == len(seeds), "every server's end has ended", 60)
        return said(client), said(server.log)


@contextmanager
def _serving(topology: Topology, kind: str, road: Impairment, seed: int) -> Iterator[Child]:
    relay = start_relay(topology, road, seed)
    argv = [sys.executable, "-m", _ENDS, "server", kind]
    server = Child(f"server-{kind}-{seed}", topology.mac, argv, topology.folder, dict(os.environ))
    try:
        server.wait_line("ready")
        yield server
    finally:
        for child in (server, relay):
            child.signal(signal.SIGKILL)
            child.process.wait(timeout=60)


def said(text: str) -> list[dict[str, Any]]:
    """The lines of JSON among those of `text`, by seed."""
    facts = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return sorted(facts, key=lambda one: int(one["seed"]))


@dataclass(frozen=True, slots=True)
class Goodput:
    """Mbit/s of a connection, from the mean of their times."""

    kernel: float
    ours: float

    @property
    def ratio(self) -> float:
        """Of ours to the kernel's."""
        return self.ours / self.kernel


def goodput(
    topology: Topology, road: Impairment, size: int, count: int, at_once: int, turns: int = 4
) -> Goodput:
    """`count` connections of `size` bytes in each turn: one early loss decides how long one of them takes."""
    seconds: dict[str, list[float]] = {KERNEL: [], USERSPACE: []}
    seeds = [bulk(size, number) for number in range(count)]
    for turn in range(turns):
        with kernel_vtep(topology):
            clients, _ = tell(topology, KERNEL, road, seeds, turn, at_once)
        seconds[KERNEL] += [facts["seconds"] for facts in clients]
        clients, _ = tell(topology, USERSPACE, road, seeds, turn, at_once)
        seconds[USERSPACE] += [facts["seconds"] for facts in clients]
    kernel, ours = (size * 8 / 1e6 / statistics.mean(seconds[kind]) for kind in (KERNEL, USERSPACE))
    return Goodput(kernel, ours)
