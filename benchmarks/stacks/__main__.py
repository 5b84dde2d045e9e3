"""Measure all ways in turns, print tables, keep the figures as JSON and as plots.

    BRONZEWILLOW_LAB=... python -m benchmarks.stacks [--rounds 5] [--only bulk,web] [--save]

Needs root, network namespaces, and Debian's slirp4netns, passt, iperf3, wrk and nginx: `make bench-lab` sets
all of it up. Medians of the rounds. With `--save` the tables of docs/benchmarks.md are written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

from benchmarks.page import FIGURES, put
from benchmarks.priority import before_others
from benchmarks.stacks import bulk, events, held, plots, segments, web
from benchmarks.stacks.ways import EVENTS_PORT, IDLE_PORTS, Way, kernel, ours, pasta, pytcp, slirp4netns
from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE
from bronzewillow.testing.lab.netns import LabError

Figures = dict[str, dict[str, float]]
"""By what is measured, then by the way."""
_HELD = 10_000
_STREAMS = ((1, "50"), (100, "10"), (1000, "1"))
"""How many at a time, and events a second of each."""


def measure_bulk(ways: list[Way], rounds: int, seconds: int) -> Figures:
    """Gbit/s of each load, and Gbit for each CPU-second of the stack's process."""
    for way in ways:
        bulk.serve(way)
    figures: Figures = {}
    for load in bulk.LOADS:
        rows: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                try:
                    rows[way.name].append(bulk.measure(way, load, seconds))
                except (LabError, subprocess.TimeoutExpired) as error:  # its own: the others go on
                    print(f"{way.name}, {load.name}: {error}", file=sys.stderr)
        for key, unit in (("gbit_s", "Gbit/s"), ("gbit_cpu_s", "Gbit per CPU-second")):
            figures[f"{load.name}, {unit}"] = {
                name: statistics.median(row[key] for row in of_way)
                for name, of_way in rows.items()
                if of_way and all(key in row for row in of_way)
            }
    return figures


def measure_segments(ways: list[Way], rounds: int, seconds: int) -> Figures:
    """Small writes at a steady pace: what arrives, in how many segments, and for how much CPU time."""
    for way in ways:
        bulk.serve(way)
    figures: Figures = {}
    for pace in segments.PACES:
        rows: dict[str, list[dict[str, float]]] = {}
        for _ in range(rounds):
            for way in ways:
                rows.setdefault(way.name, []).append(segments.measure(way, pace, seconds))
        for key in ("events/s", "segments/s", "events per CPU-second"):
            figures[f"{pace.name}: {key}"] = {
                name: statistics.median(row[key] for row in of_way)
                for name, of_way in rows.items()
                if key in of_way[0]
            }
    return figures


def measure_web(ways: list[Way], rounds: int, seconds: int) -> Figures:
    """Requests and connections a second. The proxy of the kernel's way is nginx."""
    for way in ways:
        web.serve(way)
    figures: Figures = {}
    for keep_alive, what in ((True, "HTTP requests/s, 16 connections"), (False, "HTTP connections/s")):
        rows: dict[str, list[float]] = {}
        for _ in range(rounds):
            for way in ways:
                rows.setdefault(way.name, []).append(web.measure(way, seconds, keep_alive=keep_alive))
                if way.stack is None:
                    proxied = web.measure(way, seconds, port=web.PROXY_PORT, keep_alive=keep_alive)
                    rows.setdefault(f"{way.name}, nginx as a proxy", []).append(proxied)
        figures[what] = {name: statistics.median(row) for name, row in rows.items()}
    return figures


def measure_events(ways: list[Way], rounds: int, seconds: int) -> Figures:
    """How late an event comes, beside the server's unix socket itself."""
    script = str(Path(events.__file__))
    figures: Figures = {}
    for way in ways:
        socket = f"unix:{way.folder}/events.sock"
        way.start(
            "events", way.server, sys.executable, script, "serve", socket, str(EVENTS_PORT), ready="serving"
        )
    for streams, rate in _STREAMS:
        rows: dict[str, list[dict[str, float]]] = {}
        for _ in range(rounds):
            for number, way in enumerate(ways):
                places = {way.name: f"{way.host}:{EVENTS_PORT}"}
                if number == 0:
                    places["unix socket"] = f"unix:{way.folder}/events.sock"
                for name, place in places.items():
                    argv = (sys.executable, script, "listen", place, str(streams), rate, str(seconds))
                    row = json.loads(way.client.run(*argv, timeout_s=seconds + 60))
                    rows.setdefault(name, []).append(row)
        for key in ("p50_ms", "p99_ms"):
            figures[f"an event of {streams} streams, {key[:3]}, ms"] = {
                name: statistics.median(row[key] for row in of_way) for name, of_way in rows.items()
            }
    return figures


def measure_idle(ways: list[Way], rounds: int, seconds: int) -> Figures:
    """Memory of the stack's process for each of many silent connections; once, as they are alike."""
    del rounds, seconds
    script = str(Path(held.__file__))
    ports = [str(port) for port in IDLE_PORTS]
    row: dict[str, float] = {}
    for way in ways:
        if way.stack is None:
            continue
        way.start("held", way.server, sys.executable, script, "serve", *ports, ready="serving")
        before = way.memory_bytes()
        with _holding(way, [sys.executable, script, "hold", way.host, str(_HELD), *ports]) as count:
            row[way.name] = (way.memory_bytes() - before) / 1024 / max(count, 1)
            if count < _HELD:
                print(f"{way.name} holds {count} connections, and no more", file=sys.stderr)
    return {f"memory of one of {_HELD} idle connections, KiB": row}


@contextmanager
def _holding(way: Way, argv: list[str]) -> Iterator[int]:
    process = subprocess.Popen(
        way.client.command(*argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline().split()[1])
    finally:
        process.kill()
        process.wait()


def table(figures: Figures) -> str:
    """Markdown: a row for each figure, a column for each way."""
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for what, row in figures.items():
        cells = (_cell(row[name]) if name in row else "" for name in names)
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 2 if value >= 0.05 else 4}f}"


_PARTS: dict[str, Callable[[list[Way], int, int], Figures]] = {
    "bulk": measure_bulk, "segments": measure_segments, "web": measure_web,
    "events": measure_events, "idle": measure_idle,
}  # fmt: skip


_BEFORE_OTHERS = ("segments", "events")
"""Parts in which a delay by another program would count."""


def _standing(stack: ExitStack, made: Sequence[AbstractContextManager[Way]]) -> Iterator[Way]:
    """All ways that can be built here: the first is ours, without which there is nothing to compare."""
    for number, one in enumerate(made):
        try:
            way = stack.enter_context(one)
        except (LabError, subprocess.CalledProcessError) as error:
            if not number:
                raise
            print(f"a way is left out: {error}", file=sys.stderr)
        else:
            stack.callback(way.end)
            yield way


def main() -> None:
    """Build all ways, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only", default=",".join(_PARTS), help=", ".join(_PARTS))
    parser.add_argument("--save", action="store_true", help=f"keep figures and plots in {FIGURES}")
    options = parser.parse_args()
    environment = Path(os.environ[ENVIRONMENT_VARIABLE])
    for part in options.only.split(","):
        with before_others() if part in _BEFORE_OTHERS else nullcontext(), ExitStack() as stack:
            made = [ours(environment), kernel(offloads=False), kernel(offloads=True), slirp4netns(), pasta()]
            if part == "bulk":
                made += [pytcp(), ours(environment, pure=True)]
            ways = list(_standing(stack, made))
            figures = _PARTS[part](ways, options.rounds, options.seconds)
        print(f"\n{table(figures)}\n", flush=True)
        if options.save:
            FIGURES.mkdir(exist_ok=True)
            (FIGURES / f"stacks-{part}.json").write_text(json.dumps(figures, indent=1) + "\n")
            if len(figures) > 1:
                plots.draw(figures, FIGURES / f"stacks-{part}.png")
            how = f"Rounds: {options.rounds}. Load average of the machine: {os.getloadavg()[1]:.1f}."
            put(f"stacks-{part}", f"{table(figures)}\n\n{how}")


if __name__ == "__main__":
    main()
