from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run
from runtime.streaming.links import SocketLink

pytestmark = pytest.mark.loopback


def test_a_socket_and_what_was_read_before() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = SocketLink(reader, writer, b"first")
        assert await link.read() == b"first"
        while data := await link.read():
            await link.write(data.upper())
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"then")
        writer.write_eof()
        assert await reader.read() == b"THEN"
        writer.close()
        server.close()

    run(main())
