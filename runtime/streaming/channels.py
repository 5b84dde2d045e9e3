"""Channels in the messages of a WebSocket: a byte or a digit says whose bytes follow.

Kubernetes, apimachinery/pkg/util/remotecommand and apiserver/pkg/util/wsstream.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from enum import IntEnum

from runtime.streaming.errors import ProtocolError

Message = bytes | str
_CLOSE = 255
_ZERO = ord("0")  # channel 10 is the character behind 9, as in Go


class Channel(IntEnum):
    """The channels of a command, by their numbers."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4


@dataclass(frozen=True, slots=True)
class ChannelProtocol:
    """How a subprotocol's messages look."""

    is_text: bool = False
    """Digits and base64, for clients that have no bytes."""
    has_status: bool = True
    """The error channel brings a JSON Status at the end, not only the text of an error."""
    has_close: bool = False
    """A client can end its input (v5)."""


CHANNEL_PROTOCOLS = {
    "v5.channel.k8s.io": ChannelProtocol(has_close=True),
    "v4.channel.k8s.io": ChannelProtocol(),
    "v4.base64.channel.k8s.io": ChannelProtocol(is_text=True),
    "channel.k8s.io": ChannelProtocol(has_status=False),
    "base64.channel.k8s.io": ChannelProtocol(is_text=True, has_status=False),
    "": ChannelProtocol(has_status=False),
}
"""By WebSocket subprotocol; the empty one is that of a client which asks for none."""


@dataclass(frozen=True, slots=True)
class ChannelData:
    """One message: bytes for a channel, or its end."""

    channel: int
    data: bytes = b""
    is_end: bool = False


def parse_message(message: Message, protocol: ChannelProtocol) -> ChannelData | None:
    """None for an empty message, which says nothing. ProtocolError."""
    if not message:
        return None
    if protocol.is_text:
        return _parse_text(message)
    if isinstance(message, str):
        raise ProtocolError("a text message, where channels are binary")
    if protocol.has_close and message[0] == _CLOSE:
        if len(message) != 2:
            raise ProtocolError(f"a close message of {len(message)} bytes, where two say which channel")
        return ChannelData(message[1], is_end=True)
    return ChannelData(message[0], message[1:])


def emit_message(found: ChannelData, protocol: ChannelProtocol) -> Message:
    """ValueError for an end that the protocol cannot tell."""
    if found.is_end:
        if not protocol.has_close:
            raise ValueError("channels of this protocol end with their connection")
        return bytes((_CLOSE, found.channel))
    if protocol.is_text:
        return f"{chr(_ZERO + found.channel)}{base64.b64encode(found.data).decode()}"
    return bytes((found.channel,)) + found.data


def _parse_text(message: Message) -> ChannelData:
    raw = message.encode() if isinstance(message, str) else message
    if raw[0] < _ZERO:
        raise ProtocolError("a message that does not begin with the digit of a channel")
    try:
        return ChannelData(raw[0] - _ZERO, base64.b64decode(raw[1:], validate=True))
    except binascii.Error:
        raise ProtocolError("a message that is not base64 behind its channel") from None
