"""What strangers send is answered, and is not in the log; a fault of ours is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bronzewillow.host.http_server import Crowd, http_runner
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import unix_socket_path

ROOT = Path(__file__).parents[4]
STRANGE = {
    "no HTTP": b"garbage\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an expectation that is no text": b"GET / HTTP/1.1\r\nHost: a\r\nExpect: f\xe9\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
}

loopback = pytest.mark.loopback


async def _fail(request: web.Request) -> web.Response:
    raise RuntimeError("broken")


def answer(data: bytes) -> bytes:
    """What is answered to `data`, until the connection is closed."""

    async def main() -> bytes:
        app = web.Application()
        app.router.add_get("/fail", _fail)
        runner = http_runner(app, "a.server")
        await runner.setup()
        async with unix_socket_path() as path:
            await web.UnixSite(runner, path).start()
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(data)
            found = await reader.read()
            writer.close()
            await runner.cleanup()
        return found

    return run(main())


@loopback
@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_strangers_are_answered_and_fill_no_log(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert answer(data).startswith((b"HTTP/1.0 400", b"HTTP/1.1 500"))
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert all(record.exc_info is None for record in caplog.records if record.name == "a.server.http")


@loopback
def test_our_own_faults_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert answer(b"GET /fail HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 500")
    (record,) = caplog.records
    assert record.name == "a.server.http"
    assert "broken" in caplog.text


@dataclass
class Crowded:
    """A server with room for two, which answers when it is told to."""

    path: str
    asked: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    told: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.release()
        await self.told.wait()
        return web.Response(text="well")

    async def come(self, said: bytes = b"") -> asyncio.StreamReader:
        """A connection that asks for nothing yet."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        self.writers.append(writer)
        writer.write(said)
        return reader

    async def ask(self, said: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> asyncio.StreamReader:
        """One that waits for its answer."""
        reader = await self.come(said)
        await self.asked.acquire()
        return reader


@asynccontextmanager
async def crowded() -> AsyncIterator[Crowded]:
    async with unix_socket_path() as path:
        one, crowd, app = Crowded(str(path)), Crowd(2), web.Application()
        app.middlewares.append(crowd.answering)
        app.router.add_get("/", one.handle)
        app.router.add_post("/", one.handle)
        runner = http_runner(app, "a.server")
        await runner.setup()
        assert runner.server is not None
        server = await asyncio.get_running_loop().create_unix_server(crowd.door(runner.server), one.path)
        yield one
        for writer in one.writers:
            writer.close()
        server.close()
        await runner.cleanup()


@loopback
def test_who_asks_for_nothing_makes_room() -> None:
    async def main() -> None:
        async with crowded() as server:
            asking, silent = await server.ask(), await server.come()
            late = await server.ask()
            assert await silent.read() == b""
            server.told.set()
            for reader in (asking, late):
                assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"

    run(main())


@loopback
def test_who_does_not_send_its_body_makes_room() -> None:
    async def main() -> None:
        async with crowded() as server:
            post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{"
            whole, broken = await server.ask(post + b"}"), await server.ask(post)
            late = await server.ask()
            assert await broken.read() == b""
            server.told.set()
            for reader in (whole, late):
                assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"

    run(main())


@loopback
def test_nobody_comes_in_while_all_are_answered() -> None:
    async def main() -> None:
        async with crowded() as server:
            answered = [await server.ask() for _ in range(2)]
            refused = await server.come()
            assert await refused.read() == b""
            server.told.set()
            for reader in answered:
                await reader.readuntil(b"well")
            await server.ask()
            assert await answered[0].read() == b""  # idle now, and the oldest

    run(main())


def test_no_server_is_made_otherwise() -> None:
    made = [
        str(path.relative_to(ROOT))
        for package in ("bronzewillow", "runtime", "kubelet")
        for path in sorted((ROOT / package).rglob("*.py"))
        if "testing" not in path.parts and "AppRunner(" in path.read_text("utf-8")
    ]
    assert made == ["bronzewillow/host/http_server.py"]
