"""What clients see when something fails: the answers themselves, and when they are given."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from bronzewillow.proxy import HttpLimits, HttpProxy, Upstream
from bronzewillow.proxy.errors import (
    ProxyError,
    emit_error_event,
    emit_error_response,
    error_type,
    reason_phrase,
)
from bronzewillow.testing import aio
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import HttpMessage, Wire, listening
from bronzewillow.testing.proxied import proxied

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def error_of(response: HttpMessage) -> dict[str, str]:
    error: dict[str, str] = json.loads(response.body)["error"]
    assert error["message"].startswith("pod default/tiny-0 port 8080: ")
    return error


async def answer_ok(wire: Wire) -> None:
    while True:
        await wire.request()
        wire.send(OK)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (502, "server_error"),
    ],
)
def test_types_are_those_of_openai(status: int, kind: str) -> None:
    assert error_type(status) == kind


def test_a_response_is_complete_and_names_the_place_and_the_cause() -> None:
    error = ProxyError(503, "not up", code="upstream_absent", retry_after_s=2)
    head, _, body = emit_error_response(error, "pod a/b port 80", close=True).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 2" in head
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert json.loads(body) == {
        "error": {
            "message": "pod a/b port 80: not up",
            "type": "server_error",
            "param": None,
            "code": "upstream_absent",
        }
    }


def test_a_head_request_gets_the_head_only() -> None:
    assert emit_error_response(ProxyError(502, "x"), "here", close=False, head_only=True).endswith(
        b"\r\n\r\n"
    )


def test_an_event_is_one_data_line() -> None:
    event = emit_error_event("here", "line one\nline two")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    assert json.loads(event.removeprefix(b"data: "))["error"]["code"] == "upstream_died"


def test_an_unknown_status_has_no_phrase() -> None:
    assert reason_phrase(599) == ""


@pytest.mark.loopback
def test_an_absent_socket_is_503_with_retry_after() -> None:
    async def main() -> None:
        async with proxied(None) as rig, await rig.client() as client:
            client.send(GET)
            response = await client.response()
            assert (response.status, response.get(b"retry-after")) == (503, b"1")
            assert error_of(response)["code"] == "upstream_absent"
            client.send(GET)  # the connection goes on
            assert (await client.response()).status == 503

    aio.run(main())


@pytest.mark.loopback
def test_a_model_that_is_loading_passes_with_retry_after() -> None:
    loading = b'{"error":{"message":"Loading model","code":503}}'

    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(b"HTTP/1.1 503 Busy\r\nContent-Length: %d\r\n\r\n%b" % (len(loading), loading))
        await wire.rest()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(GET)
            response = await client.response()
            assert (response.status, response.get(b"retry-after")) == (503, b"1")
            assert response.body == loading
            rig.proxy.unavailable = "the model is loading"
            client.send(GET)
            assert "loading" in error_of(await client.response())["message"]
            rig.proxy.unavailable = None

    aio.run(main())


@pytest.mark.loopback
def test_a_refused_connection_is_503_with_retry_after() -> None:
    async def main() -> None:
        async with proxied(answer_ok) as rig, await rig.client() as client:
            path = rig.path + "2"
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(path)  # a socket file that nobody listens on
                rig.proxy.pool._upstream = type(rig.proxy.upstream)(path=path)
                client.send(POST)
                response = await client.response()
            assert response.status == 503
            assert response.get(b"retry-after")
            assert error_of(response)["code"] == "upstream_refused"

    aio.run(main())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "upstream_reset"),
        (b"SSH-2.0-x\r\n", "upstream_bad_response"),
        (b"HTTP/1.1 200", "upstream_reset"),
        (b"HTTP/1.1 099 No\r\n\r\n", "upstream_bad_response"),
    ],
)
@pytest.mark.loopback
def test_an_upstream_that_gives_no_answer_is_502(answer: bytes, code: str) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(answer)

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(POST)
            response = await client.response()
            assert response.status == 502
            assert error_of(response)["code"] == code

    aio.run(main())


@pytest.mark.loopback
def test_a_silent_upstream_is_504() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        await wire.rest()

    async def main() -> None:
        limits = HttpLimits(first_byte_timeout_s=60)
        async with proxied(serve, limits) as rig, await rig.client() as client:
            client.send(POST)
            response = await client.response()
            assert response.status == 504
            assert error_of(response)["code"] == "upstream_timeout"

    run_leaping(main(), 1000)


@pytest.mark.loopback
def test_a_broken_event_stream_ends_with_an_error_event() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(SSE + chunk(b"data: 1\n\n"))
        await wire.drain()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(POST)
            await client.head()
            assert await client.chunk() == b"data: 1\n\n"
            event = await client.chunk()
            error = json.loads(event.removeprefix(b"data: "))["error"]
            assert (error["type"], error["code"]) == ("server_error", "upstream_died")
            assert await client.rest() == b""  # no [DONE], and no last chunk either

    aio.run(main())


@pytest.mark.loopback
def test_an_event_stream_that_falls_silent_ends_with_an_error_event() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(SSE + chunk(b"data: 1\n\n"))
        await wire.rest()

    async def main() -> None:
        limits = HttpLimits(idle_timeout_s=60)
        async with proxied(serve, limits) as rig, await rig.client() as client:
            client.send(POST)
            await client.head()
            assert await client.chunk() == b"data: 1\n\n"
            assert b"silent" in await client.chunk()

    run_leaping(main(), 1000)


@pytest.mark.parametrize(
    "beginning",
    [
        SSE + chunk(b'data: {"half'),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"some"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome",
    ],
)
@pytest.mark.loopback
def test_any_other_broken_answer_is_a_reset(beginning: bytes) -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(beginning)
        await wire.drain()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(POST)
            with pytest.raises(ConnectionResetError):
                await client.rest()

    aio.run(main())


@pytest.mark.loopback
def test_an_answer_without_a_length_that_ends_in_a_reset_is_a_reset() -> None:
    async def main() -> None:
        passed = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nsome")
            await passed.wait()
            Wire(reader, writer).reset()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        upstream = Upstream(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        proxy = HttpProxy(pod="a/b", port=1, upstream=upstream)
        await proxy.start()
        async with listening(proxy.protocol_factory) as port, await Wire.connect(port) as client:
            client.send(GET)
            await client.head()
            assert await client.chunk() == b"some"
            passed.set()
            with pytest.raises(ConnectionResetError):
                await client.rest()
        await proxy.close(drain_s=0)
        server.close()

    aio.run(main())
