"""Request bodies on their way to the upstream."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from bronzewillow.proxy.config import HttpLimits
from bronzewillow.testing import aio
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import HttpMessage, Wire, until_still
from bronzewillow.testing.proxied import proxied

pytestmark = pytest.mark.loopback

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECTING = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
STREAMED = HttpLimits(early_body_bytes=1)


async def answer_ok(wire: Wire) -> None:
    while True:
        await wire.request()
        wire.send(OK)


def test_chunks_stream_through_while_the_client_still_sends() -> None:
    async def main() -> None:
        arrived = [asyncio.Event() for _ in range(3)]

        async def serve(wire: Wire) -> None:
            head = await wire.head()
            assert head.get(b"transfer-encoding") == b"chunked"
            for event in arrived:
                assert await wire.chunk() == b"piece"
                event.set()
            assert await wire.chunk() == b""
            wire.send(OK)
            await wire.rest()

        async with proxied(serve, STREAMED) as rig, await rig.client() as client:
            client.send(CHUNKED)
            for event in arrived:
                client.send(b"5\r\npiece\r\n")
                await event.wait()
            client.send(b"0\r\n\r\n")
            assert (await client.response()).body == b"ok"
            assert rig.proxy.pool.idle == 1

    aio.run(main())


@pytest.mark.parametrize("chunked", [True, False])
def test_a_large_body_arrives_whole(chunked: bool) -> None:
    body = bytes(range(256)) * 40_000

    async def serve(wire: Wire) -> None:
        request = await wire.request()
        assert hashlib.sha256(request.body).digest() == hashlib.sha256(body).digest()
        wire.send(OK)
        await wire.rest()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            if chunked:
                client.send(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            else:
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert (await client.response()).body == b"ok"

    aio.run(main())


def test_an_upstream_that_does_not_read_stops_the_client() -> None:
    piece = b"x" * 65_536

    async def main() -> None:
        may_read = asyncio.Event()
        total = 0

        async def serve(wire: Wire) -> None:
            nonlocal total
            await wire.head()
            await may_read.wait()
            while total < 400 * len(piece):
                total += len(await wire.reader.read(1 << 20))
            wire.send(OK)
            await wire.rest()

        async with proxied(serve) as rig, await rig.client() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (400 * len(piece)))
            sent = 0

            async def upload() -> None:
                nonlocal sent
                for _ in range(400):
                    client.send(piece)
                    await client.drain()
                    sent += len(piece)

            uploading = asyncio.get_running_loop().create_task(upload())
            await until_still(lambda: sent)
            assert sent < 400 * len(piece) // 2
            may_read.set()
            await uploading
            assert (await client.response()).body == b"ok"

    aio.run(main())


@pytest.mark.parametrize("sends", [b"100000\r\n" + b"x" * 128, (b"40\r\n" + b"x" * 64 + b"\r\n") * 2])
def test_a_body_over_the_limit_is_413(sends: bytes) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()

    async def main() -> None:
        async with proxied(serve, HttpLimits(body_bytes=100)) as rig:
            async with await rig.client() as client:
                client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n")
                response = await client.response()
                assert (response.status, response.get(b"connection")) == (413, b"close")
            async with await rig.client() as client:
                client.send(CHUNKED + sends)
                response = await client.response()
                assert (response.status, response.get(b"connection")) == (413, b"close")

    aio.run(main())


def test_a_body_of_exactly_the_limit_passes() -> None:
    async def main() -> None:
        limits = HttpLimits(body_bytes=4)
        async with proxied(answer_ok, limits) as rig, await rig.client() as client:
            client.send(CHUNKED + b"4\r\nabcd\r\n0\r\n\r\n")
            assert (await client.response()).status == 200
            client.send(CHUNKED + b"5\r\nabcde\r\n0\r\n\r\n")
            assert (await client.response()).status == 413

    aio.run(main())


def test_a_malformed_chunk_is_400() -> None:
    async def main() -> None:
        arrived, cut = asyncio.Event(), asyncio.Event()

        async def serve(wire: Wire) -> None:
            await wire.head()
            assert await wire.chunk() == b"abc"
            arrived.set()
            await wire.rest()
            cut.set()

        async with proxied(serve, STREAMED) as rig, await rig.client() as client:
            client.send(CHUNKED + b"3\r\nabc\r\n")
            await arrived.wait()
            client.send(b"zz\r\n")
            assert (await client.response()).status == 400
            await cut.wait()

    aio.run(main())


@pytest.mark.parametrize("early_body_bytes", [1, 65_536])
def test_a_client_that_stops_in_the_middle_is_408(early_body_bytes: int) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()

    async def main() -> None:
        limits = HttpLimits(early_body_bytes=early_body_bytes, body_timeout_s=60)
        async with proxied(serve, limits) as rig, await rig.client() as client:
            client.send(CHUNKED + b"3\r\nabc\r\n")
            response = await client.response()
            assert (response.status, response.get(b"connection")) == (408, b"close")

    run_leaping(main(), 250)  # less than the 300 s for an answer that stands still


def test_a_client_that_ends_in_the_middle_cancels_the_request() -> None:
    async def main() -> None:
        asked, cut = asyncio.Event(), asyncio.Event()

        async def serve(wire: Wire) -> None:
            await wire.head()
            asked.set()
            await wire.rest()
            cut.set()

        async with proxied(serve, STREAMED) as rig, await rig.client() as client:
            client.send(CHUNKED + b"3\r\nabc\r\n")
            await asked.wait()
            client.end()
            await cut.wait()

    aio.run(main())


def test_continue_is_said_when_the_upstream_says_it() -> None:
    async def main() -> None:
        seen: list[HttpMessage] = []
        may_continue = asyncio.Event()

        async def serve(wire: Wire) -> None:
            seen.append(await wire.head())
            await may_continue.wait()
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert await wire.reader.readexactly(4) == b"body"
            wire.send(OK)
            await wire.rest()

        async with proxied(serve, HttpLimits(expect_wait_s=60)) as rig, await rig.client() as client:
            client.send(EXPECTING)
            may_continue.set()
            assert (await client.head()).status == 100
            client.send(b"body")
            assert (await client.response()).body == b"ok"
        assert seen[0].get(b"expect") == b"100-continue"

    aio.run(main())


def test_continue_is_said_for_an_upstream_that_does_not_know_it() -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(expect_wait_s=0.001)) as rig, await rig.client() as client:
            client.send(EXPECTING)
            assert (await client.head()).status == 100
            client.send(b"body")
            assert (await client.response()).body == b"ok"

    aio.run(main())


def test_a_refusal_comes_instead_of_continue() -> None:
    async def refuse(wire: Wire) -> None:
        await wire.head()
        wire.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        await wire.rest()

    async def main() -> None:
        async with proxied(refuse, HttpLimits(expect_wait_s=60)) as rig, await rig.client() as client:
            client.send(EXPECTING)
            response = await client.response()
            assert (response.status, response.interim) == (401, [])
            assert response.get(b"connection") == b"close"
        async with proxied(None) as rig, await rig.client() as client:
            client.send(EXPECTING)
            response = await client.response()
            assert (response.status, response.interim) == (503, [])

    aio.run(main())


def test_an_early_answer_ends_the_upload() -> None:
    async def serve(wire: Wire) -> None:
        await wire.head()
        wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad")
        await wire.rest()

    async def main() -> None:
        async with proxied(serve, STREAMED) as rig, await rig.client() as client:
            client.send(CHUNKED + b"3\r\nabc\r\n")
            response = await client.response()
            assert (response.status, response.body) == (400, b"bad")
            assert response.get(b"connection") == b"close"
            assert rig.proxy.pool.connections == 0

    aio.run(main())


@pytest.mark.parametrize("steps", range(4))
def test_what_was_read_for_an_upstream_that_died_is_not_left_out_at_another_try(steps: int) -> None:
    bodies: list[bytes] = []

    async def main() -> None:
        may_die = asyncio.Event()

        async def serve(wire: Wire) -> None:
            bodies.append((await wire.request()).body)
            wire.send(OK)
            await wire.head()
            await may_die.wait()
            wire.reset()
            for _ in range(steps):  # the body comes before, in, and after the step that tells of the end
                await asyncio.sleep(0)
            client.send(b"4\r\nbody\r\n0\r\n\r\n")

        async with proxied(serve, HttpLimits(expect_wait_s=0.001)) as rig, await rig.client() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nfirst")
            assert (await client.response()).body == b"ok"
            client.send(CHUNKED[:-2] + b"Expect: 100-continue\r\n\r\n")
            assert (await client.head()).status == 100
            may_die.set()
            status = (await client.response()).status
            assert (status, bodies) in [(200, [b"first", b"body"]), (502, [b"first"])]

    aio.run(main())
