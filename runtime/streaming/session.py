"""One end of a SPDY connection: bytes in, events out; commands in, bytes out. It holds no data of streams.

SPDY draft 3.1, 2.3. Of it Kubernetes' peers use no windows, so back-pressure is the transport's: whoever
cannot take what a stream brings stops reading the connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runtime.streaming.errors import ProtocolError, StreamReset
from runtime.streaming.frames import (
    Data,
    Frame,
    FrameReader,
    GoAway,
    GoAwayStatus,
    Headers,
    Ping,
    ResetStatus,
    RstStream,
    SynReply,
    SynStream,
    emit_frame,
)
from runtime.streaming.headers import HeaderCompressor, HeaderDecompressor

MOST_STREAMS = 512
"""At once: 256 connections forwarded over one."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The peer has opened a stream, and was told that it may."""

    stream_id: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes of a stream; after `is_last` no more come."""

    stream_id: int
    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True)
class WasReset:
    """The peer wants nothing more of a stream, and sends nothing more."""

    stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The peer opens no more streams."""

    status: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer broke the protocol. It is told so, and the connection is of no more use."""

    reason: str


Event = Opened | Received | WasReset | GoingAway | Broken


@dataclass(slots=True)
class _Stream:
    sends: bool = True
    receives: bool = True


class Session:
    """The state of one connection, as its server or as its client."""

    def __init__(self, *, is_client: bool = False, most_streams: int = MOST_STREAMS) -> None:
        self._is_client, self._most_streams = is_client, most_streams
        self._streams: dict[int, _Stream] = {}
        self._next_id = self._next_ping_id = 1 if is_client else 2
        self._last_peer_id = 0
        self._frames = FrameReader()
        self._compressor, self._decompressor = HeaderCompressor(), HeaderDecompressor()
        self._output: list[bytes] = []
        self.is_broken = False

    def receive(self, data: bytes) -> Iterator[Event]:
        """What the peer has sent says; it never raises for that."""
        if self.is_broken:
            return
        try:
            for frame in self._frames.feed(data):
                yield from self._on_frame(frame)
        except ProtocolError as error:
            self.is_broken = True
            self._streams.clear()
            self._emit(GoAway(self._last_peer_id, GoAwayStatus.PROTOCOL_ERROR))
            yield Broken(str(error))

    def output(self) -> bytes:
        """What is to be sent, once."""
        found = b"".join(self._output)
        self._output.clear()
        return found

    def has(self, stream_id: int) -> bool:
        """Whether one direction of it, at least, is open."""
        return stream_id in self._streams

    def open(self, headers: Mapping[str, str]) -> int:
        """Open a stream; its id."""
        stream_id, self._next_id = self._next_id, self._next_id + 2
        self._streams[stream_id] = _Stream()
        self._emit(SynStream(stream_id, self._compressor.emit(headers)))
        return stream_id

    def send(self, stream_id: int, data: bytes, *, is_last: bool = False) -> None:
        """StreamReset when the stream takes nothing more."""
        stream = self._streams.get(stream_id)
        if stream is None or not stream.sends:
            raise StreamReset(f"stream {stream_id} takes nothing more")
        self._emit(Data(stream_id, data, is_last))
        if is_last:
            stream.sends = False
            self._forget_if_done(stream_id, stream)

    def reset(self, stream_id: int, status: ResetStatus = ResetStatus.CANCEL) -> None:
        """Give a stream up, in both directions; again is no error."""
        if self._streams.pop(stream_id, None) is not None:
            self._emit(RstStream(stream_id, status))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._emit(Ping(self._next_ping_id))
        self._next_ping_id = (self._next_ping_id + 2) & 0xFFFFFFFF

    def go_away(self) -> None:
        """Tell that we open and take no more streams."""
        self._emit(GoAway(self._last_peer_id, GoAwayStatus.OK))

    # ---- what the peer has sent

    def _on_frame(self, frame: Frame) -> Iterator[Event]:
        match frame:
            case Data(stream_id, data, is_last):
                yield from self._on_data(stream_id, data, is_last=is_last)
            case SynStream():
                yield from self._on_syn_stream(frame)
            case SynReply(stream_id, block, is_last) | Headers(stream_id, block, is_last):
                self._decompressor.parse(block)  # for the sake of later blocks
                if is_last and stream_id in self._streams:
                    yield from self._on_data(stream_id, b"", is_last=True)
            case RstStream(stream_id, status):
                if self._streams.pop(stream_id, None) is not None:
                    yield WasReset(stream_id, status)
            case Ping(ping_id):
                if ping_id % 2 != self._is_client:  # ours comes back
                    self._emit(frame)
            case GoAway(_, status):
                yield GoingAway(status)

    def _on_syn_stream(self, frame: SynStream) -> Iterator[Event]:
        headers = self._decompressor.parse(frame.block)
        stream_id = frame.stream_id
        if stream_id % 2 == self._is_client or stream_id <= self._last_peer_id:
            raise ProtocolError(f"stream {stream_id} cannot be opened after {self._last_peer_id}")
        self._last_peer_id = stream_id
        if len(self._streams) >= self._most_streams:
            self._emit(RstStream(stream_id, ResetStatus.REFUSED_STREAM))
            return
        stream = self._streams[stream_id] = _Stream(sends=not frame.is_unidirectional)
        if stream.sends:
            self._emit(SynReply(stream_id, self._compressor.emit({})))
        yield Opened(stream_id, headers)
        if frame.is_last:
            yield from self._on_data(stream_id, b"", is_last=True)

    def _on_data(self, stream_id: int, data: bytes, *, is_last: bool) -> Iterator[Event]:
        stream = self._streams.get(stream_id)
        if stream is None:
            if not self._was_opened(stream_id):
                self._emit(RstStream(stream_id, ResetStatus.INVALID_STREAM))
            return  # else it was on its way when the stream ended
        if not stream.receives:
            raise ProtocolError(f"stream {stream_id} goes on after its end")
        if is_last:
            stream.receives = False
            self._forget_if_done(stream_id, stream)
        if data or is_last:
            yield Received(stream_id, data, is_last)

    def _was_opened(self, stream_id: int) -> bool:
        is_peers = stream_id % 2 != self._is_client
        return stream_id <= self._last_peer_id if is_peers else stream_id < self._next_id

    def _forget_if_done(self, stream_id: int, stream: _Stream) -> None:
        if not stream.sends and not stream.receives:
            del self._streams[stream_id]

    def _emit(self, frame: Frame) -> None:
        self._output.append(emit_frame(frame))
