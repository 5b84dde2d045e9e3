"""A SPDY connection on a link: the session's events become streams that can be read and written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from runtime.streaming.errors import StreamReset
from runtime.streaming.frames import ResetStatus
from runtime.streaming.inbox import Inbox
from runtime.streaming.links import Link
from runtime.streaming.session import Broken, Event, Opened, Received, Session, WasReset

_PIECE_BYTES = 32 << 10
_log = logging.getLogger(__name__)


class SpdyStream:
    """One stream; made by its connection."""

    def __init__(self, connection: SpdyConnection, stream_id: int, headers: Mapping[str, str]) -> None:
        self.id, self.headers, self.inbox = stream_id, headers, Inbox()
        self.was_reset = asyncio.Event()
        """By the peer, or because it has gone."""
        self._connection = connection

    async def read(self) -> bytes:
        """At least one byte, or nothing at the end. ConnectionError."""
        return await self.inbox.read()

    async def write(self, data: bytes) -> None:
        """In pieces, so that the connection's other streams come between. ConnectionError."""
        for at in range(0, len(data), _PIECE_BYTES):
            self._connection.session.send(self.id, data[at : at + _PIECE_BYTES])
            await self._connection.flush()

    async def end(self) -> None:
        """Nothing more is written; what still comes goes on being read. ConnectionError."""
        self._connection.session.send(self.id, b"", is_last=True)
        self._connection.forget_if_done(self)
        await self._connection.flush()

    async def reset(self, status: ResetStatus = ResetStatus.CANCEL) -> None:
        """Give it up. ConnectionError."""
        self.inbox.discard()
        self._connection.session.reset(self.id, status)
        self._connection.forget_if_done(self)
        await self._connection.flush()


class SpdyConnection:
    """Its streams. `run` reads it, and must run beside everything else."""

    def __init__(self, link: Link, session: Session | None = None) -> None:
        self.session = session or Session()
        self._link = link
        self._streams: dict[int, SpdyStream] = {}
        self._accepted: asyncio.Queue[SpdyStream | None] = asyncio.Queue()  # bounded by the session's streams
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Until the peer has gone, or breaks the protocol."""
        error = ConnectionResetError("the client has gone")
        try:
            while data := await self._link.read():
                for event in self.session.receive(data):
                    await self._on_event(event)
                await self.flush()
                if self.session.is_broken:
                    break
        except ConnectionError:
            pass
        finally:
            for stream in self._streams.values():
                stream.inbox.end(error)
                stream.was_reset.set()
            self._accepted.put_nowait(None)

    async def accept(self) -> SpdyStream | None:
        """The next stream that the peer opens; None when it has gone."""
        return await self._accepted.get()

    async def open(self, headers: Mapping[str, str]) -> SpdyStream:
        """A new stream. ConnectionError."""
        stream_id = self.session.open(headers)
        stream = self._streams[stream_id] = SpdyStream(self, stream_id, headers)
        await self.flush()
        return stream

    async def flush(self) -> None:
        """Send what the session has, in its order; return when the link takes more. ConnectionError."""
        async with self._writing:
            if data := self.session.output():
                await self._link.write(data)

    async def ping(self) -> None:
        """A sign of life: writing to a peer that has gone fails soon. ConnectionError."""
        self.session.ping()
        await self.flush()

    async def finish(self) -> None:
        """All is said: tell so, and let nothing that still comes hold the reading back. ConnectionError."""
        for stream in self._streams.values():
            stream.inbox.discard()
        self.session.go_away()
        await self.flush()

    def forget_if_done(self, stream: SpdyStream) -> None:
        """Both directions have ended; who holds it may go on reading what has come."""
        if not self.session.has(stream.id):
            self._streams.pop(stream.id, None)

    async def _on_event(self, event: Event) -> None:
        match event:
            case Opened(stream_id, headers):
                stream = self._streams[stream_id] = SpdyStream(self, stream_id, headers)
                self._accepted.put_nowait(stream)
            case Received(stream_id, data, is_last):
                stream = self._streams[stream_id]
                await stream.inbox.feed(data)
                if is_last:
                    stream.inbox.end()
                    self.forget_if_done(stream)
            case WasReset(stream_id):
                stream = self._streams.pop(stream_id)
                stream.inbox.end(StreamReset(f"stream {stream_id} was reset"))
                stream.was_reset.set()
            case Broken(reason):
                _log.info("a SPDY connection is closed: %s", reason)
