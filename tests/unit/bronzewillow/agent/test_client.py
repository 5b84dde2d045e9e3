"""aiohttp at both ends of a userspace connection."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bronzewillow.agent.client import PodConnector
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from bronzewillow.testing.overlay import POD, two_nodes

pytestmark = pytest.mark.loopback

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
URL = f"http://{POD}:8080/"


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[aiohttp.ClientSession]:
    """A session whose requests go over the overlay to `answer`."""
    async with two_nodes() as nodes:
        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        assert runner.server is not None
        await nodes.server.create_server(runner.server, POD, 8080)
        try:
            async with aiohttp.ClientSession(connector=PodConnector(nodes.client)) as session:
                yield session
        finally:
            await runner.cleanup()


def test_requests_share_a_connection() -> None:
    seen: set[object] = set()

    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        seen.add(request.transport.get_extra_info("peername"))
        return web.Response(text=await request.text())

    async def main() -> list[str]:
        async with served(answer) as session:
            answers = []
            for number in range(20):
                async with session.post(URL, data=str(number)) as response:
                    answers.append(await response.text())
            return answers

    assert run(main()) == [str(number) for number in range(20)]
    assert len(seen) == 1
    assert next(iter(seen))[0] == "10.244.8.1"  # type: ignore[index]


def test_megabytes_both_ways() -> None:
    body = random.Random(3).randbytes(3_000_000)

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=io.BytesIO((await request.content.read())[::-1]))

    async def main() -> bytes:
        async with (
            served(answer) as session,
            session.post(URL, data=io.BytesIO(body), timeout=aiohttp.ClientTimeout(None)) as response,
        ):
            return await response.read()

    assert hashlib.sha256(run(main())).digest() == hashlib.sha256(body[::-1]).digest()


def test_events_of_a_stream_arrive_one_by_one() -> None:
    async def main() -> None:
        told = asyncio.Event()

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for number in range(5):
                await response.write(b"data: %d\n\n" % number)
                await told.wait()  # the client has this one before the next is sent
                told.clear()
            return response

        async with served(answer) as session, session.get(URL) as response:
            for number in range(5):
                assert await response.content.readuntil(b"\n\n") == b"data: %d\n\n" % number
                told.set()

    run(main())


def test_many_at_once() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(text=request.path)

    async def main() -> list[str]:
        async def get(session: aiohttp.ClientSession, number: int) -> str:
            async with session.get(f"{URL}{number}") as response:
                return await response.text()

        async with served(answer) as session:
            return await asyncio.gather(*(get(session, number) for number in range(150)))

    assert run(main()) == [f"/{number}" for number in range(150)]


def test_a_client_that_leaves_is_noticed() -> None:
    async def main() -> None:
        cancelled, started = asyncio.Event(), asyncio.Event()

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

        async def noticing(request: web.BaseRequest) -> web.StreamResponse:
            answering = asyncio.ensure_future(answer(request))  # noqa: TID251
            await until(lambda: request.transport is None or request.transport.is_closing())
            answering.cancel()
            raise ConnectionResetError

        async with served(noticing) as session:
            asking = asyncio.ensure_future(session.get(URL))  # noqa: TID251
            await started.wait()
            asking.cancel()
            await cancelled.wait()

    run(main())


def test_a_refused_connection_is_the_clients_own_error() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response()

    async def main() -> None:
        async with served(answer) as session:
            with pytest.raises(OSError, match=r"."):
                await session.get(f"http://{POD}:9/")

    run(main())
