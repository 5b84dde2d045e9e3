"""WebSocket connections after their opening, by wsproto: as messages, as channels, as a tunnel of bytes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from runtime.streaming.channels import ChannelData, ChannelProtocol, emit_message, parse_message
from runtime.streaming.channels import Message as Content
from runtime.streaming.errors import ProtocolError
from runtime.streaming.inbox import Inbox
from runtime.streaming.links import Link

LONGEST_MESSAGE_BYTES = 4 << 20
_PIECE_BYTES = 32 << 10
_NORMAL, _PROTOCOL_ERROR, _TOO_BIG = 1000, 1002, 1009
_log = logging.getLogger(__name__)


class WebSocket:
    """Messages of one connection."""

    def __init__(self, link: Link, kind: ConnectionType = ConnectionType.SERVER) -> None:
        self._link, self._ws = link, Connection(kind)
        self._whole: list[Content] = []
        self._whole_size = 0
        self._is_closing = False
        self._has_ended = False

    async def read(self) -> Content | None:
        """The next message; None at the end. Pings are answered. ConnectionError."""
        while not self._has_ended:
            try:
                for event in self._ws.events():
                    message = await self._on_event(event)
                    if message is not None:
                        return message
                if not self._has_ended:
                    data = await self._link.read()
                    self._has_ended = not data
                    if data:
                        self._ws.receive_data(data)
            except RemoteProtocolError as error:
                _log.info("a WebSocket is closed: %s", error)
                self._has_ended = True
                await self.close(_PROTOCOL_ERROR)
        return None

    async def write(self, message: Content) -> None:
        """Send one message. ConnectionError."""
        kind = TextMessage if isinstance(message, str) else BytesMessage
        await self._send(kind(data=message))  # type: ignore[arg-type]

    async def ping(self) -> None:
        """A sign of life. ConnectionError."""
        await self._send(Ping())

    async def close(self, code: int = _NORMAL) -> None:
        """The closing handshake is begun; again is no error. ConnectionError."""
        if not self._is_closing:
            self._is_closing = True
            await self._send(CloseConnection(code=code))

    async def _on_event(self, event: Event) -> Content | None:
        match event:
            case Message():
                return await self._on_piece(event)
            case Ping():
                await self._send(event.response())
            case Pong():
                pass
            case CloseConnection():
                self._has_ended = True
                if not self._is_closing:
                    self._is_closing = True
                    await self._send(event.response())
        return None

    async def _on_piece(self, event: Message[Any]) -> Content | None:
        self._whole_size += len(event.data) + 1  # as empty ones can be many, too
        if self._whole_size > LONGEST_MESSAGE_BYTES:
            await self.close(_TOO_BIG)
            self._has_ended = True
            return None
        if isinstance(event, TextMessage):
            self._whole.append(event.data)
        else:
            self._whole.append(bytes(event.data))
        if not event.message_finished:
            return None
        whole: Content = (
            "".join(map(str, self._whole)) if isinstance(event, TextMessage) else b"".join(self._whole)  # type: ignore[arg-type]
        )
        self._whole.clear()
        self._whole_size = 0
        return whole

    async def _send(self, event: Event) -> None:
        try:
            data = self._ws.send(event)
        except LocalProtocolError:
            raise ConnectionResetError("the WebSocket is closed") from None
        await self._link.write(data)


class ChannelConnection:
    """Channels of one WebSocket. `run` reads it, and must run beside everything else."""

    def __init__(self, websocket: WebSocket, protocol: ChannelProtocol, inboxes: Mapping[int, Inbox]) -> None:
        """`inboxes`: of the channels that the peer may write to; what comes for others is dropped."""
        self._websocket, self._protocol, self.inboxes = websocket, protocol, inboxes

    async def run(self) -> None:
        """Until the peer has gone, or breaks the protocol."""
        try:
            while (message := await self._websocket.read()) is not None:
                found = parse_message(message, self._protocol)
                inbox = self.inboxes.get(found.channel) if found is not None else None
                if found is None or inbox is None:
                    continue
                if found.is_end:
                    inbox.end()
                else:
                    await inbox.feed(found.data)
        except ProtocolError as error:
            _log.info("a WebSocket is closed: %s", error)
        except ConnectionError:
            pass
        finally:
            for inbox in self.inboxes.values():
                inbox.end(ConnectionResetError("the client has gone"))

    async def write(self, channel: int, data: bytes) -> None:
        """Bytes, none of which are a message as well. ConnectionError."""
        for at in range(0, len(data) or 1, _PIECE_BYTES):
            piece = ChannelData(channel, data[at : at + _PIECE_BYTES])
            await self._websocket.write(emit_message(piece, self._protocol))

    async def ping(self) -> None:
        """A sign of life. ConnectionError."""
        await self._websocket.ping()

    async def finish(self) -> None:
        """All is said: begin to close, and let nothing hold the reading back. ConnectionError."""
        for inbox in self.inboxes.values():
            inbox.discard()
        await self._websocket.close()


class ChannelStream:
    """One channel, or two directions of one: what the peer writes, and what goes to it."""

    def __init__(self, connection: ChannelConnection, channel: int) -> None:
        self._connection, self._channel = connection, channel

    async def read(self) -> bytes:
        """What came next on the channel, as calls.Input has it."""
        return await self._connection.inboxes[self._channel].read()

    async def write(self, data: bytes) -> None:
        """Send `data` on the channel, as calls.Output has it."""
        await self._connection.write(self._channel, data)

    async def end(self) -> None:
        """Told by the connection's end alone: client-go takes a close message for an unknown channel."""


class Tunnel:
    """A Link in a WebSocket: binary messages carry the bytes of another protocol."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def read(self) -> bytes:
        """What came next, as Link has it."""
        while (message := await self._websocket.read()) is not None:
            if isinstance(message, bytes) and message:
                return message
        return b""

    async def write(self, data: bytes) -> None:
        """Send `data` in a message, as Link has it."""
        await self._websocket.write(data)
