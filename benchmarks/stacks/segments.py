"""Server-sent events as segments: flows out of the pod that each write 150 bytes at a steady pace.

A write at a slow pace is a segment of its own. Where a stack falls behind, the next ones join it: that costs
each event less, and shows as fewer segments than events.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.stacks import bulk
from benchmarks.stacks.bulk import EVENT_BYTES
from benchmarks.stacks.ways import Way
from bronzewillow.testing.lab.netns import Namespace


@dataclass(frozen=True, slots=True)
class Pace:
    """How many flows, and events a second of each."""

    flows: int
    rate: int

    @property
    def name(self) -> str:
        """As in a row of the table."""
        return f"{self.flows} flows of {self.rate:,} events/s"

    @property
    def load(self) -> bulk.Load:
        """As iperf3 makes it: it paces in bits a second of each flow."""
        pace = str(self.rate * EVENT_BYTES * 8)
        return bulk.Load(self.name, self.flows, ("-R", "-N", "-l", str(EVENT_BYTES), "-b", pace))


PACES = (Pace(10, 100), Pace(100, 100), Pace(10, 1000), Pace(100, 1000))
"""A few models, many, and more than models speak."""


def measure(way: Way, pace: Pace, seconds: int) -> dict[str, float]:
    """`events/s`, `segments/s`, and `events per CPU-second` of the stack's process, where there is one.

    LabError when nothing gets through.
    """
    before = _segments(way.client)
    row = bulk.measure(way, pace.load, seconds)
    events = 1e9 / 8 / EVENT_BYTES
    figures = {"events/s": row["gbit_s"] * events, "segments/s": (_segments(way.client) - before) / seconds}
    if "gbit_cpu_s" in row:
        figures["events per CPU-second"] = row["gbit_cpu_s"] * events
    return figures


def _segments(namespace: Namespace) -> int:
    """That TCP has received, each of those counted that were joined on their way."""
    lines = namespace.run("cat", "/proc/net/snmp").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("InSegs")])
