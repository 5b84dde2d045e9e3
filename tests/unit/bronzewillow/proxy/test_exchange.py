"""Requests and answers through the proxy, byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging

import pytest

from bronzewillow.testing import aio
from bronzewillow.testing.loopback import HttpMessage, Wire
from bronzewillow.testing.proxied import proxied

pytestmark = pytest.mark.loopback

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def answer_ok(wire: Wire) -> None:
    while True:
        await wire.request()
        wire.send(OK)


def test_request_and_response_pass_unchanged() -> None:
    body = gzip.compress(b"hello" * 100)
    answer = (
        b"HTTP/1.1 201 Made\r\nX-a: 1\r\nx-A: 2\r\nContent-Encoding: gzip\r\nX-Latin: \xe9\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    seen: list[HttpMessage] = []

    async def serve(wire: Wire) -> None:
        seen.append(await wire.request())
        wire.send(answer + body)
        await wire.rest()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(
                b"POST /a%2Fb//c/../d?x=%20&y=%zz#f HTTP/1.1\r\nHost: H:1\r\nx-B: \xe9\r\nX-b: 2\r\n"
                b"Content-Length: 3\r\nAccept-Encoding: br\r\n\r\nabc"
            )
            assert await client.reader.readexactly(len(answer) + len(body)) == answer + body
        assert seen[0].start_line == b"POST /a%2Fb//c/../d?x=%20&y=%zz#f HTTP/1.1"
        assert seen[0].fields == [
            (b"Host", b"H:1"),
            (b"x-B", b"\xe9"),
            (b"X-b", b"2"),
            (b"Accept-Encoding", b"br"),
            (b"X-Forwarded-For", b"127.0.0.1"),
            (b"Forwarded", b"for=127.0.0.1"),
            (b"Content-Length", b"3"),
        ]
        assert seen[0].body == b"abc"

    aio.run(main())


def test_each_event_is_passed_on_before_the_next_exists() -> None:
    async def main() -> None:
        confirmed = [asyncio.Event() for _ in range(3)]

        async def serve(wire: Wire) -> None:
            await wire.request()
            wire.send(SSE)
            for number, event in enumerate(confirmed):
                wire.send(chunk(b"data: %d\n\n" % number))
                await event.wait()
            wire.send(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
            await wire.rest()

        async with proxied(serve) as rig, await rig.client() as client:
            client.send(POST)
            head = await client.head()
            assert head.get(b"content-type") == b"text/event-stream"
            for number, event in enumerate(confirmed):
                assert await client.chunk() == b"data: %d\n\n" % number
                event.set()
            assert await client.chunk() == b"data: [DONE]\n\n"
            assert await client.chunk() == b""

    aio.run(main())


def test_headers_are_passed_on_before_the_body_begins() -> None:
    async def main() -> None:
        confirmed = asyncio.Event()

        async def serve(wire: Wire) -> None:
            await wire.request()
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            await confirmed.wait()
            wire.send(b"ok")
            await wire.rest()

        async with proxied(serve) as rig, await rig.client() as client:
            client.send(GET)
            assert (await client.head()).status == 200
            confirmed.set()
            assert await client.reader.readexactly(2) == b"ok"

    aio.run(main())


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("phase", ["silent", "streaming", "tokenless stream"])
def test_a_client_that_leaves_stops_the_upstream(how: str, phase: str) -> None:
    async def main() -> None:
        asked, stopped = asyncio.Event(), asyncio.Event()

        async def serve(wire: Wire) -> None:
            await wire.request()
            asked.set()
            if phase != "silent":
                wire.send(SSE)
            if phase == "streaming":
                wire.send(chunk(b"data: 1\n\n"))
            assert await wire.rest() == b""
            stopped.set()

        async with proxied(serve) as rig:
            client = await rig.client()
            client.send(POST)
            await asked.wait()
            if phase != "silent":
                await client.head()
            if phase == "streaming":
                await client.chunk()
            if how == "close":
                await client.close()
            else:
                client.reset()
            await stopped.wait()
            if phase == "silent":
                assert rig.sample("bronzewillow_http_requests_total", status="499") == 1

    aio.run(main())


@pytest.mark.case("case-14")
@pytest.mark.case("report-21")
def test_a_client_that_only_shuts_its_write_side_gets_the_whole_answer() -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def serve(wire: Wire) -> None:
            await wire.request()
            await ended.wait()
            wire.send(SSE + chunk(b"data: 1\n\n"))
            wire.send(chunk(b"data: 2\n\n") + b"0\r\n\r\n")
            await wire.rest()

        async with proxied(serve) as rig, await rig.client() as client:
            client.send(POST)
            client.end()
            # The interim response asks whether the client is still there; it carries nothing else.
            assert (await client.head()).status == 102
            ended.set()
            response = await client.response()
            assert response.body == b"data: 1\n\ndata: 2\n\n"
            assert response.get(b"connection") == b"close"
            assert await client.rest() == b""

    aio.run(main())


def test_pipelined_requests_are_answered_in_order() -> None:
    async def serve(wire: Wire) -> None:
        while True:
            request = await wire.request()
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + request.start_line.split()[1])

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(9)))
            client.end()
            bodies = [(await client.response()).body for _ in range(9)]
            assert bodies == [b"/%d" % number for number in range(9)]
            assert await client.rest() == b""

    aio.run(main())


@pytest.mark.parametrize(
    ("method", "answer", "expected"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"Content-Length: 500"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"GET", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\n\r\n', b'ETag: "x"'),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b""),
        (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"Content-Length: 0"),
    ],
)
def test_answers_without_a_body_keep_the_connections(method: bytes, answer: bytes, expected: bytes) -> None:
    async def serve(wire: Wire) -> None:
        while True:
            await wire.request()
            wire.send(answer)

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            for _ in range(2):
                client.send(method + b" / HTTP/1.1\r\nHost: h\r\n\r\n")
                head = await client.until(b"\r\n\r\n")
                assert expected in head
                assert b"chunked" not in head
                assert b"close" not in head
            assert rig.proxy.pool.connections == 1

    aio.run(main())


def test_an_offer_of_http_2_is_dropped_and_its_body_passed() -> None:
    async def serve(wire: Wire) -> None:
        for expected in (b"body", b""):
            request = await wire.request()
            assert request.body == expected
            assert [name for name, _ in request.fields if name in (b"Upgrade", b"HTTP2-Settings")] == []
            wire.send(OK)

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(
                b"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 4\r\nHost: h\r\n"
                b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\nUpgrade: h2c\r\n\r\nbody"
            )
            assert (await client.response()).body == b"ok"
            client.send(GET)
            assert (await client.response()).body == b"ok"

    aio.run(main())


def test_interim_answers_are_passed_on() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)
        await wire.rest()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(GET)
            response = await client.response()
            assert [(m.status, m.fields) for m in response.interim] == [(103, [(b"Link", b"</x>")])]
            assert response.body == b"ok"

    aio.run(main())


def test_an_http_10_client_gets_a_plain_body_and_a_close() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(SSE + chunk(b"data: 1\n\n") + b"0\r\n\r\n")
        await wire.rest()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            head = await client.head()
            assert head.get(b"transfer-encoding") is None
            assert head.get(b"connection") == b"close"
            assert await client.rest() == b"data: 1\n\n"

    aio.run(main())


def test_an_http_10_client_may_keep_its_connection() -> None:
    async def main() -> None:
        async with proxied(answer_ok) as rig, await rig.client() as client:
            for _ in range(2):
                client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert (await client.response()).get(b"connection") == b"keep-alive"

    aio.run(main())


def test_an_answer_that_ends_with_the_connection_is_chunked_for_the_client() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            for _ in range(2):
                client.send(GET)
                assert (await client.response()).body == b"until the end"

    aio.run(main())


def test_upstream_connections_are_used_again() -> None:
    async def main() -> None:
        made = 0

        async def serve(wire: Wire) -> None:
            nonlocal made
            made += 1
            await answer_ok(wire)

        async with proxied(serve) as rig:
            for _ in range(5):
                async with await rig.client() as client:
                    for _ in range(3):
                        client.send(POST)
                        assert (await client.response()).body == b"ok"
            assert made == 1

    aio.run(main())


@pytest.mark.parametrize("request_bytes", [GET, POST])
def test_an_upstream_that_closed_an_idle_connection_is_not_noticed(request_bytes: bytes) -> None:
    async def main() -> None:
        made = 0

        async def serve(wire: Wire) -> None:
            nonlocal made
            made += 1
            await wire.request()
            wire.send(OK)  # and closes without having said so

        async with proxied(serve) as rig, await rig.client() as client:
            for number in range(1, 4):
                client.send(request_bytes)
                assert (await client.response()).body == b"ok"
                assert made == number

    aio.run(main())


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (GET, 200),
        (POST, 502),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 502),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502),
    ],
)
def test_a_request_that_a_dying_connection_took_is_repeated_only_if_idempotent(
    request_bytes: bytes, status: int
) -> None:
    async def main() -> None:
        made = 0

        async def serve(wire: Wire) -> None:
            nonlocal made
            made += 1
            await wire.request()
            wire.send(OK)
            await wire.request()  # read, then dropped: it may have been worked on
            if made > 1:
                wire.send(OK)

        async with proxied(serve) as rig, await rig.client() as client:
            client.send(GET)
            assert (await client.response()).status == 200
            client.send(request_bytes)
            response = await client.response()
            assert response.status == status
            if status == 502:
                assert json.loads(response.body)["error"]["code"] == "upstream_reset"
            assert made == (2 if status == 200 else 1)

    aio.run(main())


def test_the_access_log_has_one_line_without_query_headers_or_bodies(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "bronzewillow.access")

    async def serve(wire: Wire) -> None:
        await wire.request()
        usage = b'data: {"choices":[],"usage":{"completion_tokens":41}}\n\n'
        wire.send(SSE + chunk(b"data: 1\n\n") + chunk(usage) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await wire.rest()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(
                b"POST /v1/x?secret=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer key\r\n"
                b"Content-Length: 4\r\n\r\nbody"
            )
            await client.response()
            for name, value in [
                ("bronzewillow_http_stream_tokens_total", 41),
                ("bronzewillow_http_time_to_first_token_seconds_count", 1),
                ("bronzewillow_http_request_duration_seconds_count", 1),
                ("bronzewillow_http_requests_in_flight", 0),
                ("bronzewillow_http_connections", 1),
            ]:
                assert rig.sample(name) == value, name
            assert rig.sample("bronzewillow_http_requests_total", status="200") == 1

    aio.run(main())
    [record] = [r for r in caplog.records if r.name == "bronzewillow.access"]
    line = json.loads(record.getMessage())
    assert "secret" not in record.getMessage()
    assert "key" not in record.getMessage()
    assert line["client"].startswith("127.0.0.1:")
    expected = {
        "pod": "default/tiny-0",
        "port": 8080,
        "method": "POST",
        "path": "/v1/x",
        "status": 200,
        "outcome": "ok",
        "bytes_in": 4,
        "events": 2,
        "tokens": 41,
    }
    assert {key: line[key] for key in expected} == expected
    assert 0 <= line["first_ms"] <= line["duration_ms"]
