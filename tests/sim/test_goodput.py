"""How fast one connection is over links of many kinds, as a reviewed table.

A change of the table is no failure of the protocol; it is something to look at before it is committed. Write
it anew with `UPDATE_SNAPSHOTS=1 pytest tests/sim/test_goodput.py` and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.exchange import Exchange, recorded
from bronzewillow.testing.simnet import MILLISECOND, Link, SimNet

SNAPSHOT = Path(__file__).with_name("goodput.txt")
SEEDS = range(3)
SIZE = 500_000
LINKS = {
    "clean, 0.2 ms RTT": Link(delay=100),
    "clean, 20 ms RTT": Link(delay=10 * MILLISECOND),
    "clean, 200 ms RTT": Link(delay=100 * MILLISECOND),
    "loss 0.1 %, 20 ms RTT": Link(delay=10 * MILLISECOND, loss=0.001),
    "loss 1 %, 0.2 ms RTT": Link(delay=100, loss=0.01),
    "loss 1 %, 20 ms RTT": Link(delay=10 * MILLISECOND, loss=0.01),
    "loss 1 %, 200 ms RTT": Link(delay=100 * MILLISECOND, loss=0.01),
    "loss 5 %, 20 ms RTT": Link(delay=10 * MILLISECOND, loss=0.05),
    "reordering 3 %, 1 ms RTT": Link(delay=500, reordering=0.03),
    "duplication 10 %, 1 ms RTT": Link(delay=500, duplication=0.1),
    "10 Mbit/s, queue 30 kB, 10 ms": Link(5 * MILLISECOND, rate_bytes_per_s=1_250_000, queue_bytes=30_000),
    "100 Mbit/s, queue 100 kB, 10 ms": Link(5_000, rate_bytes_per_s=12_500_000, queue_bytes=100_000),
}
STACKS = {
    "cubic": TcpConfig(),
    "reno": TcpConfig(congestion_control="reno"),
    "no sack": TcpConfig(sack=False),
}


def row(stack: str, link: str, directory: Path) -> str:
    """Medians over the seeds: goodput, retransmitted segments, timeouts, fast recoveries."""
    results = []
    for seed in SEEDS:
        ends = (StackConfig(bytes((10, 0, 0, n)), tcp=STACKS[stack]) for n in (1, 2))
        net = SimNet(seed, LINKS[link], LINKS[link], *ends)
        with recorded(net, seed, directory):
            Exchange(net, up=SIZE, down=0, seed=seed).run()
        k = net.a.stack.counters
        sums = k.retransmitted_segments, k.retransmission_timeouts, k.fast_recoveries
        results.append((SIZE * 8 / net.now, *sums))
    goodput, retransmitted, timeouts, recoveries = (
        sorted(column)[len(SEEDS) // 2] for column in zip(*results, strict=True)
    )
    return f"{link:32} {stack:8} {goodput:10.2f} {retransmitted:8} {timeouts:9} {recoveries:11}"


@pytest.mark.case("report-2")
def test_the_goodput_table(tmp_path: Path) -> None:
    head = f"{'link':32} {'stack':8} {'Mbit/s':>10} {'retrans.':>8} {'timeouts':>9} {'recoveries':>11}"
    rows = [row(stack, link, tmp_path) for link in LINKS for stack in STACKS]
    table = "\n".join([f"0.5 MB one way, medians over {len(SEEDS)} seeds", head, *rows, ""])
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(table, encoding="utf-8")
    assert table == SNAPSHOT.read_text(encoding="utf-8")
