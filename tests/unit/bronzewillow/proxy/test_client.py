"""Client connections: malformed heads, limits, idle ones, and those that leave."""

from __future__ import annotations

import json

import pytest

from bronzewillow.proxy.config import HttpLimits
from bronzewillow.testing import aio
from bronzewillow.testing.loopback import Wire
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
        async with proxied(answer_ok, HttpLimits(header_timeout_s=0.01)) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHo")
            assert (await client.response()).status == 408
            assert await client.rest() == b""

    aio.run(main())


def test_an_idle_connection_is_closed() -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(keep_alive_s=0.02)) as rig, await rig.client() as client:
            client.send(GET)
            assert (await client.response()).body == b"ok"
            assert await client.rest() == b""

    aio.run(main())


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
