from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing import aio
from bronzewillow.testing.loopback import Wire, unix_server, unix_socket_path

pytestmark = pytest.mark.loopback

INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n01\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_a_wire_reads_each_framing(answer: bytes, body: bytes) -> None:
    async def serve(wire: Wire) -> None:
        assert (await wire.request()).start_line == b"GET / HTTP/1.1"
        wire.send(INTERIM + answer)

    async def main() -> None:
        async with (
            unix_socket_path() as path,
            unix_server(path, serve),
            Wire(*await asyncio.open_unix_connection(path)) as wire,
        ):
            wire.send(b"GET / HTTP/1.1\r\n\r\n")
            response = await wire.response()
            assert (response.body, [m.status for m in response.interim]) == (body, [103])

    aio.run(main())
