"""Server-sent events with the time in them, and how late they come.

`python events.py serve ADDRESS...` serves `GET /RATE` on each ADDRESS, `unix:PATH` or a port: RATE events a
second, for as long as the client is there. `python events.py listen ADDRESS STREAMS RATE SECONDS` prints one
JSON object with `events`, `p50_ms` and `p99_ms`. Both read one monotonic clock, so they are of one machine.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENT_BYTES = 150


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    pause_s = 1 / float(head.split()[1].rpartition(b"/")[2])
    writer.write(_HEAD)
    loop = asyncio.get_running_loop()
    at_s = loop.time() + random.random() * pause_s  # streams are not in step
    while not writer.is_closing():
        await asyncio.sleep(at_s - loop.time())
        at_s += pause_s
        event = b'data: {"at":%d}' % time.monotonic_ns()
        event = event.ljust(_EVENT_BYTES - 2) + b"\n\n"
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))


async def _serve(addresses: list[str]) -> None:
    for address in addresses:
        if address.startswith("unix:"):
            await asyncio.start_unix_server(_stream, address.removeprefix("unix:"), backlog=4096)
        else:
            await asyncio.start_server(_stream, "0.0.0.0", int(address), backlog=4096)
    print("serving", flush=True)
    await asyncio.Event().wait()


class _Listener(asyncio.Protocol):
    """Notes how old each event is when its bytes are here."""

    def __init__(self, request: bytes, late_ms: list[float]) -> None:
        self._request, self._late_ms, self._rest = request, late_ms, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for event in whole:
            sent = int(event.rpartition(b'"at":')[2].partition(b"}")[0])
            self._late_ms.append((now - sent) / 1e6)


async def _listen(address: str, streams: int, rate: str, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    late_ms: list[float] = []
    request = f"GET /{rate} HTTP/1.1\r\nHost: events\r\n\r\n".encode()
    for _ in range(streams):
        if address.startswith("unix:"):
            await loop.create_unix_connection(
                lambda: _Listener(request, late_ms), address.removeprefix("unix:")
            )
        else:
            host, _, port = address.rpartition(":")
            await loop.create_connection(lambda: _Listener(request, late_ms), host, int(port))
    await asyncio.sleep(1)  # what the openings have held up is not measured
    late_ms.clear()
    await asyncio.sleep(seconds)
    late_ms.sort()
    figures = {"p50_ms": late_ms[len(late_ms) // 2], "p99_ms": late_ms[int(len(late_ms) * 0.99)]}
    print(json.dumps({"events": len(late_ms), **figures}))


def main() -> None:
    """By the arguments."""
    verb, *rest = sys.argv[1:]
    if verb == "serve":
        asyncio.run(_serve(rest))
    else:
        address, streams, rate, seconds = rest
        asyncio.run(_listen(address, int(streams), rate, float(seconds)))


if __name__ == "__main__":
    main()
