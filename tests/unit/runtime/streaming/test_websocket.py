from __future__ import annotations

import asyncio

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from runtime.streaming.channels import CHANNEL_PROTOCOLS
from runtime.streaming.inbox import Inbox
from runtime.streaming.websocket import (
    LONGEST_MESSAGE_BYTES,
    ChannelConnection,
    ChannelStream,
    Tunnel,
    WebSocket,
)

from .conftest import link_pair


def pair() -> tuple[WebSocket, WebSocket]:
    ours, theirs = link_pair()
    return WebSocket(ours, ConnectionType.CLIENT), WebSocket(theirs)


def test_messages() -> None:
    async def main() -> None:
        client, server = pair()
        for message in (b"bytes", "text", b"", b"x" * 100_000):
            await client.write(message)
            assert await server.read() == message
        await server.close()
        assert await client.read() is None and await server.read() is None
        with pytest.raises(ConnectionResetError):
            await client.write(b"late")

    run(main())


def test_fragments_are_one_message_and_pings_come_between() -> None:
    async def main() -> None:
        ours, theirs = link_pair()
        raw, server = Connection(ConnectionType.CLIENT), WebSocket(theirs)
        for event in (BytesMessage(b"a", message_finished=False), Ping(b"p"), BytesMessage(b"b")):
            await ours.write(raw.send(event))
        assert await server.read() == b"ab"
        raw.receive_data(await ours.read())
        assert [type(event) for event in raw.events()] == [Pong]

    run(main())


@pytest.mark.parametrize("piece", [1 << 20, 0])
def test_a_message_has_a_bound(piece: int) -> None:
    async def main() -> None:
        ours, theirs = link_pair()
        raw, server = Connection(ConnectionType.CLIENT), WebSocket(theirs)
        reading = spawn(server.read(), name="read")
        if piece:
            for _ in range(LONGEST_MESSAGE_BYTES // piece + 1):
                await ours.write(raw.send(BytesMessage(bytes(piece), message_finished=False)))
            assert await reading is None
            raw.receive_data(await ours.read())
            (end,) = raw.events()
            assert isinstance(end, CloseConnection) and end.code == 1009
        else:
            await ours.write(b"\x82\x05abcde")  # a client's that is not masked
            assert await reading is None
            raw.receive_data(await ours.read())
            (end,) = raw.events()
            assert isinstance(end, CloseConnection) and end.code == 1002

    run(main())


def test_channels() -> None:
    async def main() -> None:
        client, websocket = pair()
        inboxes = {0: Inbox(), 4: Inbox()}
        server = ChannelConnection(websocket, CHANNEL_PROTOCOLS["v5.channel.k8s.io"], inboxes)
        reading = spawn(server.run(), name="read")
        for message in (b"", b"\x00in", b"\x09nobody's", b"\xff\x00"):
            await client.write(message)
        stdin, out = ChannelStream(server, 0), ChannelStream(server, 1)
        assert (await stdin.read(), await stdin.read()) == (b"in", b"")
        await out.write(b"")
        await out.write(b"out")
        await out.end()
        assert (await client.read(), await client.read()) == (b"\x01", b"\x01out")
        await client.write("text")
        await reading
        with pytest.raises(ConnectionResetError):
            await inboxes[4].read()

    run(main())


def test_a_tunnel() -> None:
    async def main() -> None:
        client, server = pair()
        tunnel = Tunnel(server)
        for message in ("text", b"", b"bytes"):
            await client.write(message)
        assert await tunnel.read() == b"bytes"
        await tunnel.write(b"back")
        assert await client.read() == b"back"
        await client.close()
        assert await tunnel.read() == b""

    run(main())


def test_closing_takes_what_still_comes() -> None:
    async def main() -> None:
        client, websocket = pair()
        server = ChannelConnection(websocket, CHANNEL_PROTOCOLS[""], {0: Inbox(1)})
        reading = spawn(server.run(), name="read")
        for _ in range(5):
            await client.write(b"\x00abc")
        await asyncio.sleep(0)
        await server.finish()
        assert await client.read() is None
        await reading

    run(main())
