"""A caller of streams where there is no crictl: WebSockets by aiohttp, which knows nothing of ours."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import aiohttp

_PROTOCOL = "v4.channel.k8s.io"
LIMIT_S = 300.0
"""For what takes a second or two where nothing else is at work."""


@dataclass(slots=True)
class Heard:
    """What a stream brought so far."""

    output: bytes = b""
    errors: bytes = b""
    exit_code: int | None = None
    failure: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


def call(url: str, stdin: bytes = b"") -> Heard:
    """An exec, to its end."""
    heard = Heard()
    asyncio.run(_hear(url, stdin, heard))
    return heard


@contextmanager
def hearing(url: str) -> Iterator[Heard]:
    """An attach, in the background; it has begun when this is entered."""
    heard, begun = Heard(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_hear(url, b"", heard, begun)))
    thread.start()
    assert begun.wait(LIMIT_S)
    yield heard
    thread.join(LIMIT_S)


def forwarded(url: str, request: bytes) -> tuple[bytes, bytes]:
    """What the first port of a port-forward answered, and the text of its error."""

    async def main() -> tuple[bytes, bytes]:
        found = {0: b"", 1: b""}
        async with _called(url) as client:
            await client.send_bytes(b"\x00" + request)
            async for message in client:
                found[message.data[0]] += message.data[1:]
        return found[0][2:], found[1][2:]  # each begins with the port

    return asyncio.run(main())


async def _hear(url: str, stdin: bytes, heard: Heard, begun: threading.Event | None = None) -> None:
    async with _called(url) as client:
        if stdin:
            await client.send_bytes(b"\x00" + stdin)
        async for message in client:
            channel, data = message.data[0], message.data[1:]
            if begun is not None:
                begun.set()
            if channel == 1:
                heard.output += data
            elif channel == 2:
                heard.errors += data
            else:
                _read_status(json.loads(data), heard)
    heard.ended.set()


def _read_status(status: dict[str, object], heard: Heard) -> None:
    if status["status"] == "Success":
        heard.exit_code = 0
    elif status["reason"] == "NonZeroExitCode":
        heard.exit_code = int(str(status["message"]).rpartition(" ")[2])
    else:
        heard.failure = str(status["message"])


@asynccontextmanager
async def _called(url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        asyncio.timeout(LIMIT_S),
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=[_PROTOCOL]) as client,
    ):
        yield client
