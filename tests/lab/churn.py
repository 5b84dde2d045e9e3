"""Run in a pod: opens connections, asks one thing on each, and counts what came of them as one line of JSON.

python churn.py HOST PORT PATH TOTAL AT_ONCE
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter


async def ask(host: str, port: int, path: str, number: int) -> str:
    """One connection; every fourth is reset by its client with the answer unread."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n".encode())
        if number % 4 == 3:
            await writer.drain()
            writer.transport.abort()
            return "aborted"
        head = await reader.readline()
        await reader.read()
        return head.decode().strip()
    finally:
        writer.close()


async def churn(host: str, port: int, path: str, total: int, at_once: int) -> Counter[str]:
    """`total` connections, `at_once` of them at any time."""
    counts: Counter[str] = Counter()
    numbers = iter(range(total))

    async def work() -> None:
        for number in numbers:
            try:
                async with asyncio.timeout(60):
                    counts[await ask(host, port, path, number)] += 1
            except (OSError, TimeoutError) as error:
                counts[f"{type(error).__name__}: {error}"] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return counts


def main() -> None:
    """Churn, and print."""
    host, port, path, total, at_once = sys.argv[1:]
    counts = asyncio.run(churn(host, int(port), path, int(total), int(at_once)))
    sys.stdout.write(json.dumps(counts))


if __name__ == "__main__":
    main()
