"""What a pod IP costs: the way through the overlay, the userspace stack and the proxy, beside none of them.

    BRONZEWILLOW_LAB=... python -m benchmarks.pod_ip [--rounds 5] [--save]

Both ways start in a pod's namespace on a kernel VXLAN worker and end at the same runm (or file server) in the
Mac's namespace, in alternating rounds of one run. *Direct* is kernel TCP, routed; *pod IP* is VXLAN to the
agent. Needs root and network namespaces; `make bench-lab` sets the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from benchmarks.page import put
from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE
from bronzewillow.testing.lab.files import content, content_digest
from bronzewillow.testing.lab.node import HTTP_PORT, TCP_PORT, Node
from bronzewillow.testing.lab.plan import MAC_OUT, MAC_POD, WORKER_CIDR, WORKER_OUT, Cable, Plan
from bronzewillow.testing.lab.topology import build

_MODEL_PORT, _FILES_PORT = 9001, 9101
_BULK_BYTES = 200 << 20
_CLIENT = Path(__file__).with_name("http_client.py")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def ask(node: Node, host: str, port: int, requests: int, connections: int) -> dict[str, float]:
    """p50 and p99 in ms, and requests a second."""
    python = str(node.environment / "venv" / "bin" / "python")
    arguments = (host, str(port), "/v1/models", str(requests), str(connections))
    answer = json.loads(node.topology.pod.run(python, str(_CLIENT), *arguments, timeout_s=120))
    latencies = sorted(answer["latencies_ms"])
    return {
        "p50, ms": statistics.median(latencies),
        "p99, ms": latencies[int(len(latencies) * 0.99)],
        "requests/s": len(latencies) / answer["seconds"],
    }


def bulk(node: Node, host: str, port: int, direction: str, file: Path) -> float:
    """Gbit/s of one transfer by curl, checked by its digest."""
    url = f"http://{host}:{port}"
    began = time.perf_counter()
    if direction == "download":
        command = f"curl -sS --fail {url}/bytes/{_BULK_BYTES} | sha256sum | cut -d' ' -f1"
    else:
        command = f"curl -sS --fail -T {file} {url}/sha256"
    digest = node.topology.pod.run("sh", "-c", command, timeout_s=120).strip()
    if digest != content_digest(_BULK_BYTES):
        raise SystemExit(f"{direction} from {url}: wrong bytes")
    return _BULK_BYTES * 8 / (time.perf_counter() - began) / 1e9


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def measure(node: Node, rounds: int) -> dict[str, dict[str, float]]:
    """All figures by name: `direct`, `pod_ip` and their ratio."""
    figures: dict[str, dict[str, float]] = {}
    ways = {"direct": (MAC_OUT, _MODEL_PORT), "pod_ip": (MAC_POD, HTTP_PORT)}
    for label, requests, connections in (("one connection", 300, 1), ("16 connections", 800, 16)):
        rows: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (host, port) in ways.items():
                rows[way].append(ask(node, host, port, requests, connections))
        middle = {way: medians(rows[way]) for way in ways}
        for name in middle["direct"]:
            figures[f"{label}, {name}"] = {way: middle[way][name] for way in ways}

    file = node.topology.folder / "upload"
    with file.open("wb") as output:
        output.writelines(content(_BULK_BYTES))
    assert node.agent is not None
    places = {"direct": (MAC_OUT, _FILES_PORT), "pod_ip": (MAC_POD, TCP_PORT)}
    for direction in ("download", "upload"):
        rates: dict[str, list[float]] = {way: [] for way in places}
        spent = 0.0
        for _ in range(rounds):
            for way, (host, port) in places.items():
                before = cpu_seconds(node.agent.pid)
                rates[way].append(bulk(node, host, port, direction, file))
                spent += cpu_seconds(node.agent.pid) - before if way == "pod_ip" else 0
        figures[f"{direction}, Gbit/s"] = {way: statistics.median(rates[way]) for way in places}
        figures[f"{direction}, Gbit per CPU-second of the agent"] = {
            "pod_ip": rounds * _BULK_BYTES * 8 / 1e9 / max(spent, _TICK_S)
        }
    for figure in figures.values():
        if "direct" in figure:
            figure["ratio"] = figure["pod_ip"] / figure["direct"]
    return figures


def table(figures: dict[str, dict[str, float]]) -> str:
    """Markdown."""
    lines = ["| figure | direct | pod IP | pod IP / direct |", "|---|---|---|---|"]
    for name, figure in figures.items():
        values = (figure.get("direct"), figure["pod_ip"], figure.get("ratio"))
        cells = ("" if one is None else f"{one:,.{0 if one >= 100 else 2}f}" for one in values)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Build the lab, measure, print a Markdown table and one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write the table of docs/benchmarks.md anew")
    options = parser.parse_args()
    with build(Plan(cable=Cable.REAL)) as topology:
        node = Node(topology, Path(os.environ[ENVIRONMENT_VARIABLE]))
        node.prepare()
        topology.mac.ip("route", "add", WORKER_CIDR, "via", WORKER_OUT)  # the direct way back
        node.start_model("--listen", f"{MAC_OUT}:{_MODEL_PORT}")
        node.start_files()
        node.start(
            "files-direct", "python", "-m", "bronzewillow.testing.lab.files", f"{MAC_OUT}:{_FILES_PORT}"
        )
        node.start_agent((), "--log-level", "warning")
        figures = measure(node, options.rounds)
    print(table(figures))
    if options.save:
        put("pod-ip", table(figures))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
