"""Bytes a second through a way, in large and in small pieces, by iperf3 at both ends."""

from __future__ import annotations

import json
from dataclasses import dataclass

from benchmarks.stacks.ways import BULK_PORT, Way
from bronzewillow.testing.lab.netns import LabError

EVENT_BYTES = 150
"""A server-sent event with one token, as llama.cpp writes it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and where to."""

    name: str
    flows: int
    options: tuple[str, ...]


LOADS = (
    Load("into the pod, 1 flow", 1, ()),
    Load("into the pod, 8 flows", 8, ()),
    Load("out of the pod, 1 flow", 1, ("-R",)),
    Load("out of the pod, 8 flows", 8, ("-R",)),
    Load(f"out of the pod, writes of {EVENT_BYTES} bytes", 1, ("-R", "-N", "-l", str(EVENT_BYTES))),
)


def serve(way: Way) -> None:
    """The server that all loads speak with."""
    way.start("iperf3", way.server, "iperf3", "-s", "-p", str(BULK_PORT), "--forceflush", ready="listening")


def measure(way: Way, load: Load, seconds: int) -> dict[str, float]:
    """`gbit_s`, and `gbit_cpu_s` for each second that the stack's process computes, where there is one.

    LabError when nothing gets through.
    """
    before = way.cpu_s()
    argv = ("iperf3", "-J", "-c", way.host, "-p", str(BULK_PORT), "-t", str(seconds), "-P", str(load.flows))
    answer = json.loads(way.client.attempt(*argv, *load.options, timeout_s=seconds + 30).stdout)
    if "error" in answer:
        raise LabError(f"iperf3: {answer['error']}")
    received = answer["end"]["sum_received"]
    row = {"gbit_s": received["bits_per_second"] / 1e9}
    if spent := way.cpu_s() - before:
        row["gbit_cpu_s"] = received["bytes"] * 8 / 1e9 / spent
    return row
