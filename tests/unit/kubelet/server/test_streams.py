"""Streams are passed on byte for byte, without the words that say who asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from bronzewillow.testing.loopback import until
from runtime.api import cri_pb2 as api

from .conftest import Serve, Served, container

pytestmark = pytest.mark.loopback


UPGRADE = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}


class Streaming:
    """A server of streams: it answers 101 and echoes in capital letters."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
        while data := await reader.read(1 << 16):
            writer.write(data.upper())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def streaming(served: Served) -> AsyncIterator[Streaming]:
    found = Streaming()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    served.runtime.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/exec/t0ken"
    served.runtime.found = [container()]
    served.runtime.ready = [api.PodSandbox(id="s-1", state=api.SANDBOX_READY)]
    try:
        yield found
    finally:
        server.close()


async def upgrade(
    served: Served, method: str, path: str
) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, ssl=served.tls("alice"))
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: mac-1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        "X-Stream-Protocol-Version: v5.channel.k8s.io\r\nAuthorization: Bearer secret\r\n\r\n".encode()
    )
    return await reader.readuntil(b"\r\n\r\n"), reader, writer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/exec/default/llm-0/llm?command=sh&command=-c&input=1&output=1&tty=1"),
        ("GET", "/attach/default/llm-0/u-1/llm?output=1"),
        ("POST", "/portForward/default/llm-0?port=8080"),
    ],
)
def test_bytes_go_both_ways_until_one_end_closes(serve: Serve, method: str, path: str) -> None:
    async def run() -> None:
        async with serve() as served, streaming(served) as runtime:
            head, reader, writer = await upgrade(served, method, path)
            assert head.startswith(b"HTTP/1.1 101 ")
            payload = bytes(range(97, 123)) * 40_000
            writer.write(payload)
            assert await reader.readexactly(len(payload)) == payload.upper()
            writer.close()
            [sent] = runtime.heads
            assert sent.startswith(f"{method} /exec/t0ken HTTP/1.1\r\nHost: 127.0.0.1:".encode())
            assert b"X-Stream-Protocol-Version: v5.channel.k8s.io\r\n" in sent
            assert b"secret" not in sent

    asyncio.run(run())


def test_what_is_asked_reaches_the_runtime(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, streaming(served):
            for path in ("/exec/default/llm-0/llm?command=a&command=b c&stdin=true&output=1&error=1&tty=1",):
                _, _, writer = await upgrade(served, "POST", path.replace(" ", "%20"))
                writer.close()
            assert served.runtime.asked == [
                api.ExecRequest(container_id="c-1", cmd=["a", "b c"], tty=True, stdin=True, stdout=True)
            ]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/exec/default/llm-0/llm?command=ls", 400, "at least 1 of stdin, stdout, stderr"),
        ("/exec/default/llm-0/llm?output=1", 400, "command: is missing"),
        ("/exec/default/llm-0/other-uid/llm?output=1&command=ls", 404, 'pod "llm-0" does not exist'),
        ("/exec/default/llm-0/llm?output=1&command=a%00b", 400, "command: has a NUL"),
        ("/portForward/default/llm-0?port=http", 400, "port: 'http' is no port"),
    ],
)
def test_a_stream_that_cannot_be(serve: Serve, path: str, status: int, words: str) -> None:
    async def run() -> None:
        async with (
            serve() as served,
            streaming(served),
            served.client() as client,
            client.post(path, headers=UPGRADE) as answer,
        ):
            assert answer.status == status
            assert words in await answer.text()
            assert not served.runtime.asked

    asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    [
        "/exec/default/llm-0/llm?output=1&command=ls",
        "/attach/default/llm-0/llm?output=1",
        "/portForward/default/llm-0",
    ],
)
def test_nobody_is_asked_for_a_stream_that_is_none(serve: Serve, path: str) -> None:
    async def run() -> None:
        async with serve() as served, streaming(served), served.client() as client:
            async with client.post(path) as answer:
                assert answer.status == 400
                assert "unable to upgrade" in await answer.text()
            assert not served.runtime.asked

    asyncio.run(run())


def test_exec_that_is_off_is_a_clear_no(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, streaming(served), served.client() as client:
            served.runtime.url = ""
            async with client.post("/exec/default/llm-0/llm?output=1&command=ls", headers=UPGRADE) as answer:
                assert (answer.status, await answer.text()) == (403, "exec is off on this node\n")

    asyncio.run(run())


def test_run_gives_all_output_at_once(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, streaming(served), served.client() as client:
            for command, status in (("ls -l", 200), ("false", 500)):
                async with client.post("/run/default/llm-0/llm", params={"cmd": command}) as answer:
                    assert (answer.status, await answer.text()) == (status, "outerr")
            assert served.runtime.asked[0] == ("c-1", ["ls", "-l"])

    asyncio.run(run())


def test_nothing_is_left_of_a_stream(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, streaming(served) as runtime:
            for number in range(3):
                _, reader, writer = await upgrade(served, "POST", "/portForward/default/llm-0?port=8080")
                writer.write(b"a")
                assert await reader.readexactly(1) == b"A"
                if number == 0:
                    writer.transport.abort()
                else:
                    writer.close()
                    await reader.read()
            assert len(runtime.heads) == 3
            callers = served.server.callers
            await until(lambda: not callers.known and not served.server.connections)

    asyncio.run(run())


def test_a_stream_has_no_body(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, streaming(served) as runtime:
            place = urlsplit(served.url)
            reader, writer = await asyncio.open_connection(
                place.hostname, place.port, ssl=served.tls("alice")
            )
            hidden = b"GET /exec/t0ken HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            writer.write(
                b"POST /portForward/default/llm-0?port=8080 HTTP/1.1\r\nHost: mac-1\r\n"
                b"Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: %d\r\n\r\n" % len(hidden)
            )
            writer.write(hidden)
            assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
            writer.transport.abort()
            assert not runtime.heads

    asyncio.run(run())
