"""Frames of SPDY/3.1: bytes to values and back. Headers stay as the block that they came in.

SPDY draft 3.1, 2.2 and 2.6. A data frame is given out in the pieces in which it comes, so that nothing has to
hold its 16 MiB; a control frame is given out whole.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from runtime.streaming.errors import ProtocolError

VERSION = 3
LONGEST_CONTROL_BYTES = 32 << 10
LONGEST_DATA_BYTES = (1 << 24) - 1
FIN, UNIDIRECTIONAL = 1, 2
_HEAD = struct.Struct(">II")
_STREAM_MASK = 0x7FFFFFFF
_CONTROL = 1 << 31


class ControlType(IntEnum):
    """Those that Kubernetes' peers send, or may send."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class ResetStatus(IntEnum):
    """Why a stream ends (SPDY draft 3.1, 2.6.3)."""

    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    CANCEL = 5
    INTERNAL_ERROR = 6
    STREAM_IN_USE = 8


class GoAwayStatus(IntEnum):
    """Why a connection ends (SPDY draft 3.1, 2.6.6)."""

    OK = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of a stream; `is_last` ends this direction of it."""

    stream_id: int
    data: bytes
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class SynStream:
    """A stream is opened."""

    stream_id: int
    block: bytes
    is_last: bool = False
    is_unidirectional: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class SynReply:
    """The answer that accepts a stream."""

    stream_id: int
    block: bytes
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class RstStream:
    """It is given up; `status` is a ResetStatus, or what a peer takes for one."""

    stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class Settings:
    """(flags and id, value) each; none concerns us."""

    entries: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ping:
    """To be sent back as it is."""

    ping_id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """No more streams are taken."""

    last_stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class Headers:
    """More headers of a stream."""

    stream_id: int
    block: bytes
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    """Neither sent nor needed by Kubernetes."""

    stream_id: int
    delta: int


Frame = Data | SynStream | SynReply | RstStream | Settings | Ping | GoAway | Headers | WindowUpdate


def emit_frame(frame: Frame) -> bytes:
    """ValueError for what no frame can hold."""
    match frame:
        case Data(stream_id, data, is_last):
            if len(data) > LONGEST_DATA_BYTES:
                raise ValueError(f"{len(data)} bytes are more than a frame can have")
            return _HEAD.pack(_id(stream_id), (FIN if is_last else 0) << 24 | len(data)) + data
        case SynStream(stream_id, block, is_last, is_unidirectional, priority):
            flags = (FIN if is_last else 0) | (UNIDIRECTIONAL if is_unidirectional else 0)
            body = struct.pack(">IIBB", _id(stream_id), 0, priority << 5, 0) + block
            return _control(ControlType.SYN_STREAM, flags, body)
        case SynReply(stream_id, block, is_last):
            body = struct.pack(">I", _id(stream_id)) + block
            return _control(ControlType.SYN_REPLY, FIN if is_last else 0, body)
        case RstStream(stream_id, status):
            return _control(ControlType.RST_STREAM, 0, struct.pack(">II", _id(stream_id), status))
        case Settings(entries):
            pairs = b"".join(struct.pack(">II", *entry) for entry in entries)
            return _control(ControlType.SETTINGS, 0, struct.pack(">I", len(entries)) + pairs)
        case Ping(ping_id):
            return _control(ControlType.PING, 0, struct.pack(">I", ping_id))
        case GoAway(last_stream_id, status):
            return _control(ControlType.GOAWAY, 0, struct.pack(">II", _id(last_stream_id), status))
        case Headers(stream_id, block, is_last):
            body = struct.pack(">I", _id(stream_id)) + block
            return _control(ControlType.HEADERS, FIN if is_last else 0, body)
        case WindowUpdate(stream_id, delta):
            return _control(ControlType.WINDOW_UPDATE, 0, struct.pack(">II", _id(stream_id), delta))


class FrameReader:
    """Cuts a stream of bytes."""

    def __init__(self) -> None:
        self._rest, self._at = b"", 0
        self._data_id = self._data_left = 0
        self._data_is_last = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """What is there; a reader that has raised ProtocolError reads no more."""
        self._rest, self._at = self._rest[self._at :] + data, 0
        while True:
            frame = self._next()
            if frame is None:
                return
            yield frame

    def _next(self) -> Frame | None:
        while True:
            if self._data_left:
                return self._piece()
            if len(self._rest) - self._at < _HEAD.size:
                return None
            first, second = _HEAD.unpack_from(self._rest, self._at)
            flags, length = second >> 24, second & LONGEST_DATA_BYTES
            body_at = self._at + _HEAD.size
            if not first & _CONTROL:
                self._at = body_at
                self._data_id, self._data_left, self._data_is_last = first, length, bool(flags & FIN)
                if not length:
                    return Data(first, b"", self._data_is_last)
                continue
            if (version := first >> 16 & 0x7FFF) != VERSION:
                raise ProtocolError(f"SPDY version {version}, where {VERSION} is spoken")
            if length > LONGEST_CONTROL_BYTES:
                raise ProtocolError(f"a control frame of {length} bytes")
            if len(self._rest) < body_at + length:
                return None
            self._at = body_at + length
            frame = _parse_control(first & 0xFFFF, flags, self._rest[body_at : self._at])
            if frame is not None:
                return frame

    def _piece(self) -> Data | None:
        piece = self._rest[self._at : self._at + self._data_left]
        if not piece:
            return None
        self._at += len(piece)
        self._data_left -= len(piece)
        return Data(self._data_id, piece, self._data_is_last and not self._data_left)


def _parse_control(kind: int, flags: int, body: bytes) -> Frame | None:
    """None for a type that may be ignored, as all unknown ones."""
    is_last = bool(flags & FIN)
    try:
        match kind:
            case ControlType.SYN_STREAM:
                stream_id, _, priority, _ = struct.unpack_from(">IIBB", body)
                return SynStream(
                    stream_id & _STREAM_MASK, body[10:], is_last, bool(flags & UNIDIRECTIONAL), priority >> 5
                )
            case ControlType.SYN_REPLY:
                return SynReply(_first(body), body[4:], is_last)
            case ControlType.RST_STREAM:
                stream_id, status = struct.unpack(">II", body)
                return RstStream(stream_id & _STREAM_MASK, status)
            case ControlType.SETTINGS:
                (count,) = struct.unpack_from(">I", body)
                if len(body) != 4 + 8 * count:
                    raise ProtocolError(f"{count} settings in {len(body)} bytes")
                return Settings(tuple(struct.iter_unpack(">II", body[4:])))
            case ControlType.PING:
                return Ping(*struct.unpack(">I", body))
            case ControlType.GOAWAY:
                stream_id, status = struct.unpack(">II", body)
                return GoAway(stream_id & _STREAM_MASK, status)
            case ControlType.HEADERS:
                return Headers(_first(body), body[4:], is_last)
            case ControlType.WINDOW_UPDATE:
                stream_id, delta = struct.unpack(">II", body)
                return WindowUpdate(stream_id & _STREAM_MASK, delta)
    except struct.error:
        raise ProtocolError(f"a {ControlType(kind).name} frame of {len(body)} bytes") from None
    return None


def _first(body: bytes) -> int:
    number: int = struct.unpack_from(">I", body)[0]
    return number & _STREAM_MASK


def _id(stream_id: int) -> int:
    if not 0 <= stream_id <= _STREAM_MASK:
        raise ValueError(f"{stream_id} is no stream's id")
    return stream_id


def _control(kind: ControlType, flags: int, body: bytes) -> bytes:
    if len(body) > LONGEST_CONTROL_BYTES:
        raise ValueError(f"{len(body)} bytes are more than a control frame may have")
    return _HEAD.pack(_CONTROL | VERSION << 16 | kind, flags << 24 | len(body)) + body
