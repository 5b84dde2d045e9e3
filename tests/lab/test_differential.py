"""The same stories told to our TCP and to the kernel's, behind the same relay: the facts must be the same.

make differential STORIES=300
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bronzewillow.testing.lab.child import Child, wait_until
from bronzewillow.testing.lab.features import missing
from bronzewillow.testing.lab.node import start_relay
from bronzewillow.testing.lab.plan import (
    MAC_MAC,
    MAC_OUT,
    MAC_POD,
    WORKER_CIDR,
    WORKER_MAC,
    WORKER_OUT,
    Plan,
)
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.scenario import bulk, scenario
from bronzewillow.testing.lab.topology import Topology, build, make_vtep

pytestmark = pytest.mark.lab

STORIES = int(os.environ.get("STORIES", "60"))
AT_LEAST = 0.9 if STORIES >= 300 else 0.75
"""Of the kernel's goodput. A hundred connections of a megabyte leave a tenth either way to chance."""
ENDS = "bronzewillow.testing.lab.scenario_ends"
ROADS = {
    "clean": Impairment(),
    "rough": Impairment(loss=0.02, duplicate=0.02, reorder=0.05, delay_ms=2),
    "lossy": Impairment(loss=0.05, delay_ms=1),
}
Run = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture
def topology() -> Iterator[Topology]:
    for feature in ("netns", "vxlan"):
        if reason := missing(feature):
            pytest.skip(f"{feature}: {reason}")
    with build(Plan(relayed=True)) as built:
        yield built


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


@contextmanager
def serving(topology: Topology, kind: str, road: Impairment, seed: int) -> Iterator[Child]:
    """The server on one of the two stacks, behind a relay that decides alike for both."""
    relay = start_relay(topology, road, seed)
    argv = [sys.executable, "-m", ENDS, "server", kind]
    server = Child(f"server-{kind}-{seed}", topology.mac, argv, topology.folder, dict(os.environ))
    try:
        server.wait_line("ready")
        yield server
    finally:
        for child in (server, relay):
            child.signal(signal.SIGKILL)
            child.process.wait(timeout=60)


def said(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def tell(
    topology: Topology, kind: str, road: Impairment, seeds: list[int], seed: int = 1, at_once: int = 16
) -> Run:
    """What the clients have seen and what the servers have, in the order of the stories."""
    with serving(topology, kind, road, seed) as server:
        words = map(str, (at_once, *seeds))
        client = topology.pod.run(sys.executable, "-m", ENDS, "client", *words, timeout_s=300)
        wait_until(lambda: len(said(server.log)) == len(seeds), "every server's end has ended", 60)
        return sorted(said(client), key=_seed), sorted(said(server.log), key=_seed)


def _seed(facts: dict[str, Any]) -> int:
    return int(facts["seed"])


def without_times(run: Run) -> Run:
    """Nor the state, which is checked here: who closes first is in TIME-WAIT, if a RST has not ended that.

    A copy of the last ACK, which meets nobody, is answered by one (RFC 1337).
    """
    clients = []
    for facts in run[0]:
        who, how = scenario(_seed(facts)).ending.split(" ", 1)
        closes_first = who == "client" and how != "aborts"
        assert facts["state"] == "gone" or (closes_first and facts["state"] == "TIME_WAIT"), facts
        clients.append({name: value for name, value in facts.items() if name not in ("seconds", "state")})
    return clients, run[1]


@pytest.mark.parametrize("road", ROADS)
def test_the_facts_are_those_of_the_kernel(topology: Topology, road: str) -> None:
    seeds = [random.Random(f"{road} {n}").getrandbits(62) for n in range(STORIES)]
    with kernel_vtep(topology):
        kernel = without_times(tell(topology, "kernel", ROADS[road], seeds))
    ours = without_times(tell(topology, "userspace", ROADS[road], seeds))
    different = [
        f"{scenario(seed)}\n  kernel: {theirs}\n  ours:   {mine}"
        for side in (0, 1)
        for seed, theirs, mine in zip(sorted(seeds), kernel[side], ours[side], strict=True)
        if theirs != mine
    ]
    assert not different, "\n".join(different)
    assert all(facts["whole"] for side in ours for facts in side)
    endings = Counter(facts["end"] for side in ours for facts in side)
    assert {"eof", "reset", "closed", "aborted"} <= endings.keys(), "some ending was never told"


@pytest.mark.parametrize(("rtt_ms", "at_once"), [(10, 4), (50, 16)])
def test_goodput_at_one_percent_loss_is_near_the_kernels(
    topology: Topology, rtt_ms: int, at_once: int
) -> None:
    """Many connections of a megabyte, in turns: a single early loss decides how long one of them takes.

    No more at once than two cores carry on time: with sixteen at 10 ms frames waited for the relay, and ACKs
    for our process, so that a round trip took 26 ms.
    """
    road = Impairment(loss=0.01, delay_ms=rtt_ms / 2)
    count = max(STORIES // 2, 24)
    seconds: dict[str, list[float]] = {"kernel": [], "userspace": []}
    seeds = [bulk(1_000_000, n) for n in range(count)]
    for turn in range(4):
        with kernel_vtep(topology):
            clients, _ = tell(topology, "kernel", road, seeds, turn, at_once)
        seconds["kernel"] += [facts["seconds"] for facts in clients]
        clients, _ = tell(topology, "userspace", road, seeds, turn, at_once)
        seconds["userspace"] += [facts["seconds"] for facts in clients]
    kernel, ours = (8 / statistics.mean(seconds[kind]) for kind in ("kernel", "userspace"))
    line = f"{rtt_ms} ms, 1 %: ours {ours:.2f} Mbit/s, kernel {kernel:.2f}: {ours / kernel:.2f}"
    sys.stderr.write(f"\n{line}\n")
    assert ours >= AT_LEAST * kernel, line
