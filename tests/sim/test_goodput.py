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
MTU = 1450
GRID = {
    f"loss {loss:.1%}, {delay / 500:g} ms RTT": Link(delay=delay, loss=loss)
    for loss in (0.0, 0.001, 0.01, 0.05)
    for delay in (100, 10 * MILLISECOND, 100 * MILLISECOND)
}
LINKS = GRID | {
    "reordering 3 %, 1 ms RTT": Link(delay=500, reordering=0.03),
    "reordering 3 %, deep, 20 ms RTT": Link(10 * MILLISECOND, reordering=0.03, reorder_delay=4 * MILLISECOND),
    "reordering and loss, 20 ms RTT": Link(10 * MILLISECOND, loss=0.01, reordering=0.03, reorder_delay=2_000),
    "duplication 10 %, 1 ms RTT": Link(delay=500, duplication=0.1),
    "10 Mbit/s, queue 30 kB, 10 ms": Link(5 * MILLISECOND, rate_bytes_per_s=1_250_000, queue_bytes=30_000),
    "100 Mbit/s, queue 100 kB, 10 ms": Link(5_000, rate_bytes_per_s=12_500_000, queue_bytes=100_000),
}
STACKS = {
    "cubic": TcpConfig(),
    "reno": TcpConfig(congestion_control="reno"),
    "RFC 6675": TcpConfig(rack=False),
    "no sack": TcpConfig(sack=False),
}
BUFFERS = {f"buffers {size >> 10} KiB": size for size in (16 << 10, 64 << 10, 256 << 10)}
BUFFER_LINKS = ("loss 0.0%, 20 ms RTT", "loss 1.0%, 20 ms RTT")


def row(stack: str, tcp: TcpConfig, link: str, directory: Path) -> str:
    """Medians over the seeds: goodput, retransmitted segments, timeouts, fast recoveries."""
    results = []
    for seed in SEEDS:
        ends = (StackConfig(bytes((10, 0, 0, n)), mtu=MTU, tcp=tcp) for n in (1, 2))
        net = SimNet(seed, LINKS[link], LINKS[link], *ends)
        with recorded(net, seed, directory):
            Exchange(net, up=SIZE, down=0, seed=seed).run()
        k = net.a.stack.counters
        sums = k.retransmitted_segments, k.retransmission_timeouts, k.fast_recoveries
        results.append((SIZE * 8 / net.now, *sums))
    goodput, retransmitted, timeouts, recoveries = (
        sorted(column)[len(SEEDS) // 2] for column in zip(*results, strict=True)
    )
    return f"{link:32} {stack:15} {goodput:10.2f} {retransmitted:8} {timeouts:9} {recoveries:11}"


@pytest.mark.case("report-2")
def test_the_goodput_table(tmp_path: Path) -> None:
    head = f"{'link':32} {'stack':15} {'Mbit/s':>10} {'retrans.':>8} {'timeouts':>9} {'recoveries':>11}"
    rows = [row(name, tcp, link, tmp_path) for link in LINKS for name, tcp in STACKS.items()]
    for link in BUFFER_LINKS:
        for name, size in BUFFERS.items():
            tcp = TcpConfig(send_buffer_bytes=size, receive_buffer_bytes=size)
            rows.append(row(name, tcp, link, tmp_path))
    table = "\n".join([f"0.5 MB one way, medians over {len(SEEDS)} seeds", head, *rows, ""])
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(table, encoding="utf-8")
    assert table == SNAPSHOT.read_text(encoding="utf-8")
