"""Frames: length, stream, type and flags in ten bytes, then the data (PROTOCOL.md, Message Frame)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from runtime.ttrpc.errors import FrameError

LONGEST_DATA = 4 << 20
_HEADER = struct.Struct("!IIBB")


class Kind(IntEnum):
    """PROTOCOL.md, Message Types."""

    REQUEST = 1
    RESPONSE = 2
    DATA = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of ttrpc, with its header's fields."""

    stream: int
    """Odd when a client began it."""
    kind: int
    flags: int
    data: bytes


def emit_frame(frame: Frame) -> bytes:
    """Its bytes. FrameError when the data is longer than a peer takes."""
    if len(frame.data) > LONGEST_DATA:
        raise FrameError(f"{len(frame.data)} bytes in one message, {LONGEST_DATA} may be sent")
    return _HEADER.pack(len(frame.data), frame.stream, frame.kind, frame.flags) + frame.data


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. FrameError, after which the stream is lost."""
        self._buffer += data
        frames: list[Frame] = []
        while len(self._buffer) >= _HEADER.size:
            length, stream, kind, flags = _HEADER.unpack_from(self._buffer)
            if length > LONGEST_DATA:
                raise FrameError(f"a message of {length} bytes, {LONGEST_DATA} may come")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                break
            frames.append(Frame(stream, kind, flags, bytes(self._buffer[_HEADER.size : end])))
            del self._buffer[:end]
        return frames
