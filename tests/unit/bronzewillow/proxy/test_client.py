"""Client connections: malformed heads, limits, idle ones, and those that leave."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from bronzewillow.proxy.access import ACCESS_LOG
from bronzewillow.proxy.config import HttpLimits
from bronzewillow.testing import aio
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import Wire, until
from bronzewillow.testing.proxied import proxied

pytestmark = pytest.mark.loopback

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


async def answer_ok(wire: Wire) -> None:
    while True:
        await wire.request()
        wire.send(OK)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01 hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX y: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 3000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: 123456789\r\n" * 100 + b"\r\n", 431),
    ],
)
def test_a_head_that_cannot_be_passed_on(request_bytes: bytes, status: int) -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(header_bytes=1024)) as rig, await rig.client() as client:
            client.send(request_bytes)
            response = await client.response()
            assert response.status == status
            assert json.loads(response.body)["error"]["type"] == "invalid_request_error"
            assert rig.sample("bronzewillow_http_requests_total", status=str(status)) == 1

    aio.run(main())


def test_a_head_that_does_not_end_is_refused_at_its_limit() -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(header_bytes=1024)) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n")
            for _ in range(20):
                client.send(b"X: " + b"x" * 50 + b"\r\n")
                await asyncio.sleep(0)
            assert (await client.response()).status == 431
            assert await client.rest() == b""
            assert rig.sample("bronzewillow_http_requests_total", status="431") == 1

    aio.run(main())


def test_a_head_that_does_not_end_is_refused_behind_a_request_too() -> None:
    async def main() -> None:
        may_answer = asyncio.Event()

        async def serve(wire: Wire) -> None:
            await wire.request()
            await may_answer.wait()
            wire.send(OK)

        async with proxied(serve, HttpLimits(header_bytes=1024)) as rig, await rig.client() as client:
            client.send(GET)
            await until(lambda: rig.proxy.in_flight == 1)
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n")
            for _ in range(20):
                client.send(b"X: " + b"x" * 500 + b"\r\n")
                await asyncio.sleep(0)
            may_answer.set()
            assert (await client.response()).body == b"ok"
            assert (await client.response()).status == 431
            assert await client.rest() == b""

    aio.run(main())


def test_requests_that_wait_for_their_turn_are_few_whatever_a_client_sends() -> None:
    """Their heads are held: hundreds of megabytes for one connection, were it read on."""

    async def main() -> None:
        may_answer = asyncio.Event()

        async def serve(wire: Wire) -> None:
            await may_answer.wait()
            await answer_ok(wire)

        async with proxied(serve) as rig:
            protocol, transport = rig.proxy.protocol_factory(), BareTransport()
            assert isinstance(protocol, asyncio.Protocol)
            protocol.connection_made(transport)
            sent = 0
            while not transport.is_paused:
                protocol.data_received(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 30_000 + b"\r\n\r\n")
                await asyncio.sleep(0)
                sent += 1
                assert sent <= 4
            may_answer.set()
            await until(lambda: transport.written.count(b"\r\n\r\nok") == sent)
            assert not transport.is_paused
            protocol.connection_lost(None)

    aio.run(main())


def test_a_malformed_request_behind_a_good_one_does_not_spoil_it() -> None:
    async def main() -> None:
        async with proxied(answer_ok) as rig, await rig.client() as client:
            client.send(GET)
            assert (await client.response()).body == b"ok"
            client.send(b"garbage\r\n\r\n")
            assert (await client.response()).status == 400
            assert await client.rest() == b""

    aio.run(main())


def test_a_head_that_does_not_end_is_408() -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(header_timeout_s=60)) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHo")
            assert (await client.response()).status == 408
            assert await client.rest() == b""

    run_leaping(main(), 1000)


def test_an_idle_connection_is_closed() -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(keep_alive_s=60)) as rig, await rig.client() as client:
            client.send(GET)
            assert (await client.response()).body == b"ok"
            assert await client.rest() == b""

    run_leaping(main(), 1000)


def test_a_connection_too_many_is_refused_in_words() -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(connections=1)) as rig, await rig.client() as first:
            first.send(GET)
            assert (await first.response()).body == b"ok"
            async with await rig.client() as second:
                second.send(GET)
                response = await second.response()
                assert (response.status, response.get(b"connection")) == (503, b"close")
                assert response.get(b"retry-after") == b"1"
                assert await second.rest() == b""
            first.send(GET)
            assert (await first.response()).body == b"ok"

    aio.run(main())


def test_a_client_that_says_close_gets_a_close() -> None:
    async def main() -> None:
        async with proxied(answer_ok) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            response = await client.response()
            assert response.get(b"connection") == b"close"
            assert await client.rest() == b""

    aio.run(main())


def test_a_client_that_reads_nothing_is_cut_and_stops_the_upstream(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        stopped = asyncio.Event()

        async def serve(wire: Wire) -> None:
            await wire.request()
            wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                while True:
                    wire.send(bytes(1 << 20))
                    await wire.drain()
            finally:
                stopped.set()

        async with proxied(serve, HttpLimits(idle_timeout_s=60)) as rig, await rig.client() as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(GET)
            await stopped.wait()
            await until(lambda: not rig.proxy.connections)

    run_leaping(main(), 1000)
    assert [json.loads(r.getMessage())["outcome"] for r in caplog.records if r.name == ACCESS_LOG] == [
        "client_stalled"
    ]
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


class BareTransport(asyncio.Transport):
    """A transport as a userspace stack gives it: no socket behind it, no buffer limits to set."""

    def __init__(self) -> None:
        super().__init__({"peername": ("10.9.8.7", 4000), "sockname": ("10.1.1.1", 8080)})
        self.written = b""
        self.closed = asyncio.Event()
        self.is_paused = False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def close(self) -> None:
        self.closed.set()


def test_a_transport_without_a_socket_is_enough() -> None:
    async def main() -> None:
        heads: list[bytes] = []

        async def serve(wire: Wire) -> None:
            heads.append(await wire.until(b"\r\n\r\n"))
            wire.send(OK)
            await wire.rest()

        async with proxied(serve) as rig:
            protocol, transport = rig.proxy.protocol_factory(), BareTransport()
            protocol.connection_made(transport)
            protocol.data_received(b"GET / HTTP/1.0\r\n\r\n")
            await transport.closed.wait()
            protocol.connection_lost(None)
            assert transport.written.endswith(b"\r\n\r\nok")
            assert b"Host: 10.1.1.1:8080\r\nX-Forwarded-For: 10.9.8.7\r\n" in heads[0]

    aio.run(main())


def test_an_end_without_a_request_closes() -> None:
    async def main() -> None:
        async with proxied(answer_ok) as rig:
            for beginning in (b"", b"GET / HT", GET):
                async with await rig.client() as client:
                    client.send(beginning)
                    if beginning == GET:
                        await client.response()
                    client.end()
                    assert await client.rest() == b""

    aio.run(main())
