"""Bulk TCP between two nodes of one process, by VXLAN over loopback: what a CPU-second carries, both ends.

    python -m benchmarks.bulk [--rounds 5] [--save]

No root, no namespaces, no proxy: transports, the two stacks, the packet kernel and the sockets. `kept` is the
way the agent runs, with freed memory kept by the C library; `given back` is without.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time

from benchmarks.page import put
from bronzewillow.host.memory import keep_freed_memory
from bronzewillow.testing.overlay import POD, two_nodes

_BYTES = 256 << 20
_CHUNK = bytes(64 << 10)
_PORT = 80


class _Sink(asyncio.Protocol):
    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done
        self._received = 0

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received == _BYTES:
            self._done.set_result(None)


class _Source(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._left = _BYTES
        self._may_write = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._pump()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._pump()

    def _pump(self) -> None:
        assert self._transport is not None
        while self._may_write and self._left:
            self._transport.write(_CHUNK)
            self._left -= len(_CHUNK)


async def transfer() -> dict[str, float]:
    """One transfer of 256 MiB."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with two_nodes() as nodes:
        await nodes.server.create_server(lambda: _Sink(done), POD, _PORT)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        cpu, wall = time.process_time(), time.perf_counter()
        await nodes.client.create_connection(_Source, POD, _PORT)
        await done
        return {
            "gbit_per_cpu_s": _BYTES * 8 / 1e9 / (time.process_time() - cpu),
            "gbit_per_s": _BYTES * 8 / 1e9 / (time.perf_counter() - wall),
            "page_faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults,
        }


def main() -> None:
    """Each round in a process of its own, in turns; prints a Markdown table and one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write the table of docs/benchmarks.md anew")
    parser.add_argument("--once", choices=("kept", "given back"))
    arguments = parser.parse_args()
    if arguments.once:
        if arguments.once == "kept":
            keep_freed_memory()
        print(json.dumps(asyncio.run(transfer())))
        return
    rows: dict[str, list[dict[str, float]]] = {"kept": [], "given back": []}
    for _ in range(arguments.rounds):
        for way, measured in rows.items():
            command = (sys.executable, "-m", "benchmarks.bulk", "--once", way)
            measured.append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
    middle = {
        way: {name: statistics.median(row[name] for row in measured) for name in measured[0]}
        for way, measured in rows.items()
    }
    lines = ["| freed memory | Gbit per CPU-second | Gbit/s | page faults |", "|---|---|---|---|"]
    for way, figures in middle.items():
        rate, speed, faults = figures["gbit_per_cpu_s"], figures["gbit_per_s"], figures["page_faults"]
        lines.append(f"| {way} | {rate:.2f} | {speed:.2f} | {faults:,.0f} |")
    print("\n".join(lines))
    print(json.dumps(middle))
    if arguments.save:
        put("bulk", "\n".join(lines))


if __name__ == "__main__":
    main()
