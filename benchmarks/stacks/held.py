"""Connections that are open and say nothing.

`python held.py serve PORT...` accepts them. `python held.py hold HOST COUNT PORT...` prints `held N` when all
stand, or no more can, and holds them until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

_AT_ONCE = 50
_PATIENCE_S = 60.0


async def _serve(ports: list[int]) -> None:
    held = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append((reader, writer))
        writer.write(b".")  # so that the other end knows that it was accepted

    servers = [await asyncio.start_server(accept, "0.0.0.0", port, backlog=4096) for port in ports]
    print("serving", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _hold(host: str, count: int, ports: list[int]) -> None:
    held = []

    async def dial(port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port, limit=16)
        await reader.readexactly(1)
        held.append((reader, writer))

    with suppress(TimeoutError, OSError):  # not every way takes so many
        async with asyncio.timeout(_PATIENCE_S):
            for first in range(0, count, _AT_ONCE):
                numbers = range(first, min(first + _AT_ONCE, count))
                await asyncio.gather(*(dial(ports[number % len(ports)]) for number in numbers))
    print("held", len(held), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """By the arguments."""
    verb, *rest = sys.argv[1:]
    if verb == "serve":
        asyncio.run(_serve([int(port) for port in rest]))
    else:
        host, count, *ports = rest
        asyncio.run(_hold(host, int(count), [int(port) for port in ports]))


if __name__ == "__main__":
    main()
