"""Goodput over a lossy road: our TCP beside the kernel's, in turns, behind the same relay.

    python -m benchmarks.loss [--count 25] [--save]

Connections from a pod on a kernel VXLAN worker to a server that is either the agent's own stack or a second
kernel VXLAN; each sends its bytes to the pod while a relay between the two drops and delays frames. All
programs have real-time priority. Needs root and network namespaces: `make bench-lab` sets all of it up.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass

from benchmarks.page import FIGURES, put
from benchmarks.priority import before_others
from benchmarks.stacks import plots
from bronzewillow.testing.lab.plan import Plan
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.topology import build
from bronzewillow.testing.lab.two_stacks import Goodput, goodput


@dataclass(frozen=True, slots=True)
class _Road:
    loss: float
    rtt_ms: int
    size: int
    """Bytes of a connection: with fewer losses there must be more, or many a connection would see none."""
    at_once: int
    """No more than two cores carry on time."""

    def __str__(self) -> str:
        return f"{self.loss:.1%} lost, {self.rtt_ms} ms"


_ROADS = tuple(
    _Road(loss, rtt_ms, size, at_once)
    for loss, size in ((0.001, 4_000_000), (0.01, 1_000_000))
    for rtt_ms, at_once in ((10, 4), (20, 8), (50, 16))
)


def measure(count: int) -> dict[str, Goodput]:
    """By road."""
    figures = {}
    for road in _ROADS:
        with build(Plan(relayed=True)) as topology:
            way = Impairment(loss=road.loss, delay_ms=road.rtt_ms / 2)
            figures[str(road)] = goodput(topology, way, road.size, count, road.at_once)
    return figures


def table(figures: dict[str, Goodput]) -> str:
    """Markdown."""
    rows = (
        f"| {road} | {one.ours:.1f} | {one.kernel:.1f} | {one.ratio:.2f} |" for road, one in figures.items()
    )
    head = ("| a connection's goodput, Mbit/s | bronzewillow | kernel | ratio |", "|---|---|---|---|")
    return "\n".join((*head, *rows))


def main() -> None:
    """Measure, print, and keep the figures if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=25, help="connections in each of four turns")
    parser.add_argument("--save", action="store_true", help=f"keep figures and plot in {FIGURES}")
    options = parser.parse_args()
    with before_others():
        figures = measure(options.count)
    print(f"\n{table(figures)}\n", flush=True)
    if options.save:
        FIGURES.mkdir(exist_ok=True)
        bars = {road: {"bronzewillow": one.ours, "kernel": one.kernel} for road, one in figures.items()}
        (FIGURES / "loss.json").write_text(json.dumps(bars, indent=1) + "\n")
        plots.draw(bars, FIGURES / "loss.png")
        load = f"Load average of the machine: {os.getloadavg()[1]:.1f}."
        put("loss", f"{table(figures)}\n\nConnections: {4 * options.count} each. {load}")


if __name__ == "__main__":
    main()
