from __future__ import annotations

import asyncio
import struct

import pytest
from wsproto.connection import ConnectionType

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from runtime.streaming.calls import PortForward
from runtime.streaming.errors import StreamReset
from runtime.streaming.forwards import SpdyForwards, forward_channels, serve_channel_forwards
from runtime.streaming.spdy import SpdyConnection, SpdyStream
from runtime.streaming.websocket import WebSocket

from .conftest import Rot13, link_pair, spdy_pair

CALL = PortForward("p", (80, 9))


async def opened(client: SpdyConnection, request: str, port: str = "80") -> tuple[SpdyStream, SpdyStream]:
    """Error and data, in kubectl's order."""
    headers = {"port": port, "requestID": request}
    error = await client.open(headers | {"streamtype": "error"})
    await error.end()
    return error, await client.open(headers | {"streamtype": "data"})


def test_many_at_once_over_spdy() -> None:
    async def main() -> None:
        async with spdy_pair() as (client, server):
            serving = spawn(SpdyForwards(server, CALL, Rot13()).serve(), name="serve")

            async def ask(number: int) -> None:
                error, data = await opened(client, str(number))
                await data.write(b"%d" % number)
                assert await data.read() == b"80:%d" % number
                await data.end()
                assert (await data.read(), await error.read()) == (b"", b"")

            await asyncio.gather(*map(ask, range(100)))
            error, data = await opened(client, "x", "9")
            assert (await data.read(), await error.read()) == (b"", b"nothing serves it")
            await client._link.end()  # type: ignore[attr-defined]
            await serving

    run(main())


def test_a_client_that_gives_one_up() -> None:
    async def main() -> None:
        runtime = Rot13()
        async with spdy_pair() as (client, server):
            serving = spawn(SpdyForwards(server, CALL, runtime).serve(), name="serve")
            _, data = await opened(client, "1")
            await data.end()
            _, data = await opened(client, "2")
            await data.write(b"x")
            assert await data.read() == b"80:x"
            await data.reset()
            await opened(client, "3")
            await client._link.end()  # type: ignore[attr-defined]
            await serving

    run(main())


def test_halves_that_stay_alone_and_streams_that_are_none() -> None:
    async def main() -> None:
        async with spdy_pair() as (client, server):
            serving = spawn(SpdyForwards(server, CALL, Rot13(), limit_s=0.01).serve(), name="serve")
            for headers in ({"streamtype": "data", "port": "80", "requestid": "1"}, {"streamtype": "none"}):
                stream = await client.open(headers)
                with pytest.raises(StreamReset):
                    await stream.read()
            await client._link.end()  # type: ignore[attr-defined]
            await serving

    run(main())


def test_channels() -> None:
    async def main() -> None:
        ours, theirs = link_pair()
        client = WebSocket(ours, ConnectionType.CLIENT)
        channels = forward_channels(WebSocket(theirs), CALL, "v4.channel.k8s.io")
        reading = spawn(channels.run(), name="read")
        serving = spawn(serve_channel_forwards(channels, CALL, Rot13()), name="serve")
        found: dict[int, bytes] = {}
        await client.write(b"\x00hello")
        while 0 not in found or len(found[0]) < 10 or len(found.get(3, b"")) < 3:
            message = await client.read()
            assert isinstance(message, bytes)
            found[message[0]] = found.get(message[0], b"") + message[1:]
        assert found == {
            0: struct.pack("<H", 80) + b"80:hello", 1: struct.pack("<H", 80),
            2: struct.pack("<H", 9), 3: struct.pack("<H", 9) + b"nothing serves it",
        }  # fmt: skip
        await client.close()
        await reading
        await serving

    run(main())
