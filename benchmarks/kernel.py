"""Datagrams per second of the two per-packet loops, compiled and interpreted, by payload size.

    python -m benchmarks.kernel [--json] [--save] [--seconds 0.3]

One row is one loop on trains of one flow as UDP_GRO and UDP_SEGMENT make them: up to 64 KiB, VXLAN,
timestamps. The time is the thread's own, so that a busy machine changes little.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from types import ModuleType

from benchmarks.page import put
from bronzewillow.wire import Encap, Flags, TcpOptions, TcpPacket, TcpSegment
from bronzewillow.wire.encap import emit_encap_header

PAYLOAD_BYTES = (60, 300, 1400)
_HEADER = emit_encap_header(Encap.VXLAN, 1, b"\x02\xbb\xbb\xbb\xbb\x01", b"\x02\xbb\xbb\xbb\xbb\x02")


def _super_segment(mss: int) -> TcpPacket:
    pieces = min(64, 65_000 // (mss + 74))
    payload = bytes(i * 31 & 0xFF for i in range(mss * pieces))
    options = TcpOptions(timestamps=(123456, 654321))
    segment = TcpSegment(40000, 8080, 0xFFFF0000, 77, Flags.ACK | Flags.PSH, 502, options, payload)
    return TcpPacket(b"\x0a\xf4\x01\x02", b"\x0a\xf4\x07\x0a", segment, mss)


def _seconds_per_call(call: Callable[[], object], budget_s: float) -> float:
    """The best of five rounds, each a fifth of the budget."""
    best = float("inf")
    for _ in range(5):
        calls = 0
        begin = time.thread_time()
        while True:
            call()
            calls += 1
            spent = time.thread_time() - begin
            if spent > budget_s / 5:
                break
        best = min(best, spent / calls)
    return best


def _measure(kernel: ModuleType, mss: int, budget_s: float) -> dict[str, float]:
    packet = _super_segment(mss)
    train, piece_bytes = kernel.segment(_HEADER, packet)
    view = memoryview(bytes(train))
    pieces = -(-len(packet.segment.payload) // mss)
    coalescer = kernel.Coalescer(Encap.VXLAN, 1)

    def receive() -> None:
        coalescer.add(view, piece_bytes, "peer")
        coalescer.flush()

    single = view[:piece_bytes]

    def receive_single() -> None:
        coalescer.add(single, 0, "peer")
        coalescer.flush()

    return {
        "coalesce": pieces / _seconds_per_call(receive, budget_s),
        "coalesce one by one": 1 / _seconds_per_call(receive_single, budget_s),
        "segment": pieces / _seconds_per_call(lambda: kernel.segment(_HEADER, packet), budget_s),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--save", action="store_true", help="write the table of docs/benchmarks.md anew")
    parser.add_argument("--seconds", type=float, default=0.3, help="time per figure (default 0.3)")
    arguments = parser.parse_args()
    kernels: dict[str, ModuleType] = {}
    for name, module in (("native", "_native"), ("pure", "_kernel")):
        try:
            kernels[name] = importlib.import_module(f"bronzewillow.wire.{module}")
        except ImportError:
            print(f"note: no {name} kernel here", file=sys.stderr)
    rows = []
    for mss in PAYLOAD_BYTES:
        rates = {name: _measure(kernel, mss, arguments.seconds) for name, kernel in kernels.items()}
        for loop in rates["pure"]:
            row: dict[str, str | int | float] = {"payload_bytes": mss, "loop": loop}
            for name in rates:
                row[f"{name}_per_s"] = round(rates[name][loop])
                row[f"{name}_us"] = round(1e6 / rates[name][loop], 2)
            if "native" in rates:
                row["ratio"] = round(rates["native"][loop] / rates["pure"][loop], 1)
            rows.append(row)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(_table(rows))
    if arguments.save:
        put("kernel", _table(rows))


def _table(rows: list[dict[str, str | int | float]]) -> str:
    lines = ["| payload | loop | compiled | interpreted | ratio |", "|---|---|---|---|---|"]
    for row in rows:
        compiled = f"{row['native_us']:.2f}" if "native_us" in row else ""
        times = f"{compiled} | {row['pure_us']:.2f} | {row.get('ratio', '')}"
        lines.append(f"| {row['payload_bytes']:,} | {row['loop']} | {times} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
