"""Where the agent's time goes: a sampler beside the bulk loads of `benchmarks.stacks`, and a picture of each.

    BRONZEWILLOW_LAB=... python -m benchmarks.flame [--seconds 5] [--save]

Needs what `benchmarks.stacks` needs, and py-spy: `make bench-lab` sets all of it up. The sampler sees
functions of Python. What they spend in the kernel and in the compiled loops counts as their own, so of those
that do little else it is drawn as a call (`_BELOW`). Waiting is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from benchmarks.flame_picture import Sample, draw
from benchmarks.page import FIGURES, put
from benchmarks.stacks import bulk
from benchmarks.stacks.ways import Way, ours
from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE

_RATE_HZ = 400
_LOADS = tuple(load for load in bulk.LOADS if load.flows == 1)
_TOP = "_run_once"
"""Of the event loop: what stands above it is the same for all samples."""
_BELOW = {
    "_transmit": "kernel: sendmsg",
    "_read_one": "kernel: recvmsg",
    "_read_ready__data_received": "kernel: recv",
    "write": "kernel: send",
    "encap": "compiled: segment",
    "receive": "compiled: coalesce",
    "flush": "compiled: join",
}
_OWNERS = ("DatagramSocket", "_SelectorSocketTransport", "Vtep")


def record(way: Way, load: bulk.Load, seconds: int) -> list[Sample]:
    """The samples of one run; each begins with the outermost call."""
    assert way.stack is not None
    with tempfile.NamedTemporaryFile(suffix=".folded") as file:
        spy = Path(sys.executable).with_name("py-spy")
        argv = (str(spy), "record", "--pid", str(way.stack.pid), "--rate", str(_RATE_HZ), "--function")
        process = subprocess.Popen(
            [*argv, "--duration", str(seconds), "--format", "raw", "--output", file.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        bulk.measure(way, load, seconds + 1)
        _, told = process.communicate(timeout=30)
        if process.returncode:
            raise SystemExit(f"py-spy: {told.strip()}")
        return parse(Path(file.name).read_text())


def parse(folded: str) -> list[Sample]:
    """Lines of `outermost;...;innermost count`, each frame `function (file:line)`."""
    counts: Counter[tuple[str, ...]] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] for frame in stack.split(";")]  # without the line
        top = next((at for at, frame in enumerate(frames) if _function(frame).endswith(_TOP)), None)
        if top is None:
            continue  # not of the loop: a start or an end
        frames = frames[top + 1 :] or frames[top:]
        if _function(frames[-1]).endswith("Selector.select"):
            continue  # waits
        counts[(*frames, *_below(_function(frames[-1])))] += int(count)
    return [Sample(frames, count) for frames, count in counts.items()]


def shares(samples: list[Sample]) -> dict[str, float]:
    """Per cent of the time by who computes: the kernel, the compiled loops, a package of ours, or Python."""
    total = sum(sample.count for sample in samples)
    counts: Counter[str] = Counter()
    for sample in samples:
        counts[sample.layer] += sample.count
    return {layer: 100 * count / total for layer, count in counts.most_common()}


def table(rows: dict[str, dict[str, float]]) -> str:
    """Markdown: a row for each load, a column for each layer."""
    layers = list(dict.fromkeys(layer for row in rows.values() for layer in row))
    lines = [f"| % of the agent's time | {' | '.join(layers)} |", "|---" * (len(layers) + 1) + "|"]
    for load, row in rows.items():
        lines.append(f"| {load} | {' | '.join(f'{row.get(layer, 0.0):.0f}' for layer in layers)} |")
    return "\n".join(lines)


def _function(frame: str) -> str:
    return frame.partition(" (")[0]


def _below(function: str) -> tuple[str, ...]:
    owner, _, name = function.rpartition(".")
    return (_BELOW[name],) if owner in _OWNERS and name in _BELOW else ()


def main() -> None:
    """Record, print a table, keep the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--save", action="store_true", help=f"keep shares and picture in {FIGURES}")
    options = parser.parse_args()
    recorded: dict[str, list[Sample]] = {}
    with ExitStack() as stack:
        way = stack.enter_context(ours(Path(os.environ[ENVIRONMENT_VARIABLE])))
        stack.callback(way.end)
        bulk.serve(way)
        for load in _LOADS:
            recorded[load.name] = record(way, load, options.seconds)
    rows = {name: shares(samples) for name, samples in recorded.items()}
    print(f"\n{table(rows)}\n", flush=True)
    if options.save:
        FIGURES.mkdir(exist_ok=True)
        (FIGURES / "flame.json").write_text(json.dumps(rows, indent=1) + "\n")
        draw(recorded, FIGURES / "flame.png")
        put("flame", table(rows))


if __name__ == "__main__":
    main()
