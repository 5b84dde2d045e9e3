from __future__ import annotations

import pytest

from runtime.streaming.channels import (
    CHANNEL_PROTOCOLS,
    Channel,
    ChannelData,
    Message,
    emit_message,
    parse_message,
)
from runtime.streaming.errors import ProtocolError

V5, V4, BASE64 = (
    CHANNEL_PROTOCOLS[name] for name in ("v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io")
)


def test_bytes() -> None:
    assert emit_message(ChannelData(Channel.STDOUT, b"out"), V4) == b"\x01out"
    assert parse_message(b"\x00in", V4) == ChannelData(Channel.STDIN, b"in")
    assert parse_message(b"\x04", V4) == ChannelData(Channel.RESIZE)
    assert parse_message(b"", V4) is None


def test_base64() -> None:
    assert emit_message(ChannelData(1, b"\xff"), BASE64) == "1/w=="
    assert parse_message("0aGk=", BASE64) == ChannelData(0, b"hi")
    assert parse_message(b"0aGk=", BASE64) == ChannelData(0, b"hi")
    assert parse_message(emit_message(ChannelData(63, b"x"), BASE64), BASE64) == ChannelData(63, b"x")


def test_the_end_of_a_channel() -> None:
    assert parse_message(b"\xff\x00", V5) == ChannelData(0, is_end=True)
    assert emit_message(ChannelData(0, is_end=True), V5) == b"\xff\x00"
    assert parse_message(b"\xff\x00", V4) == ChannelData(255, b"\x00")
    with pytest.raises(ValueError, match="end with their connection"):
        emit_message(ChannelData(0, is_end=True), V4)


@pytest.mark.parametrize(
    ("message", "name"),
    [("text", "v4.channel.k8s.io"), (b"\xff", "v5.channel.k8s.io"), ("/x", "v4.base64.channel.k8s.io"),
     ("1?", "v4.base64.channel.k8s.io")],
)  # fmt: skip
def test_what_is_no_message(message: Message, name: str) -> None:
    with pytest.raises(ProtocolError):
        parse_message(message, CHANNEL_PROTOCOLS[name])
