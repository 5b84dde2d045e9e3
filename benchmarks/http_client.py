"""A lean HTTP/1.1 client that times what it asks for; run inside a namespace by `pod_ip`.

    python http_client.py HOST PORT PATH REQUESTS CONNECTIONS

prints one JSON object: `latencies_ms` of every request, and `seconds` for all of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time


async def connection(host: str, port: int, path: str, requests: int, latencies_ms: list[float]) -> None:
    """`requests` one after another on one connection."""
    reader, writer = await asyncio.open_connection(host, port)
    head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    for _ in range(requests):
        began = time.perf_counter()
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{host}:{port}{path}: {answer.splitlines()[0].decode()}")
        size = next(
            int(line.split(b":")[1])
            for line in answer.splitlines()
            if line.lower().startswith(b"content-length:")
        )
        await reader.readexactly(size)
        latencies_ms.append((time.perf_counter() - began) * 1000)
    writer.close()


async def main(host: str, port: int, path: str, requests: int, connections: int) -> None:
    """Spread `requests` over `connections`."""
    latencies_ms: list[float] = []
    await connection(host, port, path, 5, [])  # whatever the first request pays for
    began = time.perf_counter()
    each = requests // connections
    await asyncio.gather(*(connection(host, port, path, each, latencies_ms) for _ in range(connections)))
    print(json.dumps({"latencies_ms": latencies_ms, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
