from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from runtime.streaming.calls import Exec, PortForward, Streams
from runtime.streaming.links import SocketLink
from runtime.streaming.server import StreamingServer
from runtime.streaming.session import Session
from runtime.streaming.spdy import SpdyConnection

from .conftest import Rot13

pytestmark = pytest.mark.loopback
EXEC = Exec("c", ("rot", "3"), Streams(stdin=True, stdout=True))


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[StreamingServer, Rot13]]:
    runtime = Rot13()
    server = StreamingServer(runtime)
    await server.start()
    try:
        yield server, runtime
    finally:
        await server.close()


@asynccontextmanager
async def spdy(url: str, *offers: str) -> AsyncIterator[SpdyConnection]:
    """A client, after its upgrade."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: of.another.name\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    )
    head += "".join(f"X-Stream-Protocol-Version: {offer}\r\n" for offer in offers)
    writer.write(head.encode() + b"Content-Length: 0\r\n\r\n")
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    client = SpdyConnection(SocketLink(reader, writer), Session(is_client=True))
    reading = spawn(client.run(), name="read")
    try:
        yield client
    finally:
        reading.cancel()
        writer.close()
        await writer.wait_closed()


async def refused(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


def test_exec_over_spdy_to_the_last_byte() -> None:
    async def main() -> None:
        async with serving() as (server, _), spdy(server.url(EXEC), "v4.channel.k8s.io") as client:
            streams = {kind: await client.open({"streamtype": kind}) for kind in ("error", "stdin", "stdout")}
            await streams["stdin"].write(b"abc")
            await streams["stdin"].end()
            assert (await streams["stdout"].read(), await streams["stdout"].read()) == (b"cba", b"")
            status = json.loads(await streams["error"].read())
            assert status["details"]["causes"][0]["message"] == "3"

    run(main())


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_exec_over_a_websocket_of_another_make(protocol: str) -> None:
    async def main() -> None:
        async with (
            serving() as (server, _),
            aiohttp.ClientSession() as session,
            session.ws_connect(server.url(EXEC), protocols=[protocol]) as client,
        ):
            assert client.protocol == protocol
            assert await client.receive_bytes() == b"\x01"
            await client.send_bytes(b"\x00abc.")
            assert await client.receive_bytes() == b"\x01.cba"
            assert (await client.receive_bytes())[0] == 3
            assert (await client.receive()).type == aiohttp.WSMsgType.CLOSE and client.close_code == 1000

    run(main())


def test_a_tunnel_of_port_forwards() -> None:
    async def main() -> None:
        call, protocol = PortForward("p"), "SPDY/3.1+portforward.k8s.io"
        async with (
            serving() as (server, _),
            aiohttp.ClientSession() as session,
            session.ws_connect(server.url(call), protocols=[protocol]) as websocket,
        ):
            assert websocket.protocol == protocol
            session_ = Session(is_client=True)
            for kind in ("error", "data"):
                session_.open({"streamtype": kind, "port": "80", "requestID": "1"})
            session_.send(3, b"hello")
            await websocket.send_bytes(session_.output())
            found = b""
            while b"80:hello" not in found:
                found += await websocket.receive_bytes()

    run(main())


def test_who_leaves_ends_the_command() -> None:
    async def main() -> None:
        call = Exec("c", ("forever",), Streams(stdout=True))
        async with serving() as (server, runtime):
            async with spdy(server.url(call), "v4.channel.k8s.io") as client:
                for kind in ("error", "stdout"):
                    await client.open({"streamtype": kind})
                await runtime.called.wait()
            await runtime.cancelled.wait()

    run(main())


def test_what_is_refused() -> None:
    async def main() -> None:
        async with serving() as (server, runtime):
            url = server.url(EXEC)
            assert (await refused(url))[0] == 400
            upgrade = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
            assert (await refused(url.replace("/exec/", "/attach/"), **upgrade))[0] == 404
            assert (await refused(url, **upgrade))[0] == 404, "it was used"
            assert (await refused(url.rpartition("/")[0].replace("exec", "none"), **upgrade))[0] == 404
            offer = {"X-Stream-Protocol-Version": "v9.channel.k8s.io"}
            status, text = await refused(server.url(EXEC), **upgrade, **offer)
            assert status == 403 and "v4.channel.k8s.io" in text
            assert runtime.calls == []

    run(main())


def test_a_token_is_long_and_is_used_up() -> None:
    async def main() -> None:
        async with serving() as (server, _):
            urls = {server.url(EXEC) for _ in range(10)}
            assert len(urls) == 10 and all(len(url.rpartition("/")[2]) >= 16 for url in urls)
            url = urls.pop()
            async with spdy(url, "v4.channel.k8s.io"):
                assert (await refused(url, Connection="Upgrade", Upgrade="SPDY/3.1"))[0] == 404

    run(main())
