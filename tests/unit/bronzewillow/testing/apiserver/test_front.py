from __future__ import annotations

import asyncio
from collections.abc import MutableSet

import pytest
from aiohttp import web

from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.front import Front, Upgrade

pytestmark = pytest.mark.loopback


async def _answer(request: web.BaseRequest) -> web.Response:
    return web.Response(text=f"{request.method} {request.path}")


async def _echo(upgrade: Upgrade) -> None:
    head = f"{upgrade.method} {upgrade.target} {upgrade.headers['x-name']}\r\n"
    upgrade.writer.write(head.encode())
    upgrade.writer.write(await upgrade.reader.readexactly(4))
    await upgrade.writer.drain()


async def talk(*pieces: bytes) -> bytes:
    http = web.Server(_answer)
    connected: MutableSet[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(http, _echo, connected), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    answer = await reader.read()
    assert len(connected) == 1
    writer.close()
    server.close()
    await http.shutdown(0)
    return answer


def test_ordinary_requests_are_aiohttps() -> None:
    answer = run(talk(b"GET /a HTTP/1.1\r\nHost: x\r\n", b"Connection: close\r\n\r\n"))
    assert answer.endswith(b"GET /a")


def test_an_upgrade_has_its_streams_with_what_came_behind_the_head() -> None:
    answer = run(talk(b"POST /x?y=1 HTTP/1.1\r\nUpgrade: SPDY/3.1\r\nX-Name: n\r\n\r\nab", b"cd"))
    assert answer == b"POST /x?y=1 n\r\nabcd"
