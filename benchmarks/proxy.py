"""What the HTTP proxy adds: latency, requests per second and delay of stream events, against no proxy.

    python benchmarks/proxy.py [--seconds 3] [--json FILE]

Three processes on loopback: a bare upstream (unix socket and TCP), the proxy, and the client, which asks the
upstream directly and through the proxy in turns, so that both meet the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bronzewillow.proxy import HttpLimits, HttpProxy, Upstream

EVENTS = 200
EVENT_GAP_S = 0.002
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: pod\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer x\r\nAccept: application/json\r\nContent-Length: 256\r\n\r\n"
    + b"{"
    + b" " * 254
    + b"}"
)
STREAM = REQUEST.replace(b"/v1/chat/completions", b"/stream", 1)
BODY = b"{" + b" " * 510 + b"}"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def serve_upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(256)
            if not head.startswith(b"POST /stream"):
                writer.write(ANSWER)
                continue
            writer.write(STREAM_HEAD)
            for _ in range(EVENTS):
                await asyncio.sleep(EVENT_GAP_S)
                event = b"data: %020d\n\n" % time.monotonic_ns()
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            writer.write(b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def run_upstream(path: str) -> None:
    await asyncio.start_unix_server(serve_upstream, path, backlog=1024)
    server = await asyncio.start_server(serve_upstream, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def run_proxy(path: str) -> None:
    limits = HttpLimits(concurrent_requests=512, queue_length=512, upstream_idle_connections=512)
    proxy = HttpProxy(pod="bench/pod", port=8080, upstream=Upstream(path=path), limits=limits)
    await proxy.start()
    server = await asyncio.get_running_loop().create_server(
        proxy.protocol_factory, "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Client:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self) -> int:
        """Nanoseconds of one request."""
        start = time.perf_counter_ns()
        self._writer.write(REQUEST)
        await self._reader.readuntil(b"\r\n\r\n")
        await self._reader.readexactly(len(BODY))
        return time.perf_counter_ns() - start

    async def stream(self) -> list[int]:
        """Nanoseconds from the sending of each event to its arrival."""
        self._writer.write(STREAM)
        await self._reader.readuntil(b"\r\n\r\n")
        delays = []
        for _ in range(EVENTS):
            await self._reader.readuntil(b"data: ")
            sent = int(await self._reader.readexactly(20))
            delays.append(time.monotonic_ns() - sent)
            await self._reader.readexactly(4)
        await self._reader.readuntil(b"0\r\n\r\n")
        return delays


def quantiles(samples: list[int]) -> dict[str, float]:
    ordered = sorted(samples)
    return {
        name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] / 1000, 1)
        for name, share in (("p50_us", 0.5), ("p99_us", 0.99))
    }


async def throughput(port: int, clients: int, seconds: float) -> float:
    connections = [await Client.connect(port) for _ in range(clients)]
    end = time.perf_counter() + seconds
    done = 0

    async def work(client: Client) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await client.ask()
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(work(client) for client in connections))
    return round(done / (time.perf_counter() - start), 1)


async def measure(direct: int, proxied: int, seconds: float) -> dict[str, Any]:
    ports = {"direct": direct, "proxied": proxied}
    single = {name: await Client.connect(port) for name, port in ports.items()}
    for client in single.values():
        for _ in range(200):
            await client.ask()
    latency: dict[str, list[int]] = {name: [] for name in ports}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, client in single.items():
            latency[name].append(await client.ask())
    events: dict[str, list[int]] = {name: [] for name in ports}
    for _ in range(max(1, int(seconds))):
        for name, client in single.items():
            events[name] += await client.stream()
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "requests": {name: quantiles(values) for name, values in latency.items()},
        "events": {name: quantiles(values) for name, values in events.items()},
        "requests_per_s_32_clients": {
            name: await throughput(port, 32, seconds) for name, port in ports.items()
        },
    }


def start(role: str, path: str) -> tuple[subprocess.Popen[bytes], int]:
    process = subprocess.Popen([sys.executable, __file__, "--role", role, path], stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def report(result: dict[str, Any]) -> None:
    print(f"{'':28}{'direct':>12}{'proxied':>12}{'added':>12}")
    for title, key in (("request, us", "requests"), ("stream event, us", "events")):
        for quantile in ("p50_us", "p99_us"):
            direct, proxied = (result[key][name][quantile] for name in ("direct", "proxied"))
            print(f"{title + ' ' + quantile[:3]:28}{direct:12.0f}{proxied:12.0f}{proxied - direct:12.0f}")
    rates = result["requests_per_s_32_clients"]
    print(f"{'requests/s, 32 clients':28}{rates['direct']:12.0f}{rates['proxied']:12.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--role", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        role, path = options.role
        asyncio.run(run_upstream(path) if role == "upstream" else run_proxy(path))
        return
    with tempfile.TemporaryDirectory(prefix="bw") as folder:
        path = str(Path(folder) / "s")
        processes = []
        try:
            upstream, direct = start("upstream", path)
            processes.append(upstream)
            proxy, proxied = start("proxy", path)
            processes.append(proxy)
            result = asyncio.run(measure(direct, proxied, options.seconds))
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    report(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
