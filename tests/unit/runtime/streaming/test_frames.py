from __future__ import annotations

import pytest

from runtime.streaming.errors import ProtocolError
from runtime.streaming.frames import (
    LONGEST_CONTROL_BYTES,
    LONGEST_DATA_BYTES,
    Data,
    Frame,
    FrameReader,
    GoAway,
    Headers,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
    emit_frame,
)

FRAMES = [
    (Data(1, b"abc"), "00000001 00000003 616263"),
    (Data(1, b"", True), "00000001 01000000"),
    (SynStream(3, b"b", is_last=True, priority=7), "80030001 0100000b 00000003 00000000 e000 62"),
    (SynStream(5, b"", is_unidirectional=True), "80030001 0200000a 00000005 00000000 0000"),
    (SynReply(1, b"b"), "80030002 00000005 00000001 62"),
    (RstStream(1, 5), "80030003 00000008 00000001 00000005"),
    (Settings(((4, 100),)), "80030004 0000000c 00000001 00000004 00000064"),
    (Ping(1), "80030006 00000004 00000001"),
    (GoAway(3, 0), "80030007 00000008 00000003 00000000"),
    (Headers(1, b"b", True), "80030008 01000005 00000001 62"),
    (WindowUpdate(1, 2), "80030009 00000008 00000001 00000002"),
]


@pytest.mark.parametrize(("frame", "text"), FRAMES)
def test_layouts(frame: Frame, text: str) -> None:
    data = bytes.fromhex(text)
    assert emit_frame(frame) == data
    assert list(FrameReader().feed(data)) == [frame]
    reader = FrameReader()
    found = [one for number in data for one in reader.feed(bytes((number,)))]
    if isinstance(frame, Data):
        assert b"".join(one.data for one in found if isinstance(one, Data)) == frame.data
    else:
        assert found == [frame]


def test_data_comes_in_pieces() -> None:
    reader = FrameReader()
    data = emit_frame(Data(1, b"abcdef", is_last=True))
    assert list(reader.feed(data[:10])) == [Data(1, b"ab")]
    assert list(reader.feed(data[10:])) == [Data(1, b"cdef", is_last=True)]


def test_unknown_control_frames_are_passed_over() -> None:
    assert list(FrameReader().feed(bytes.fromhex("80030063 00000002 0000 80030006 00000004 00000001"))) == [
        Ping(1)
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("80020006 00000004 00000001", "version 2"),
        ("80030006 00000005 0000000100", "PING frame of 5 bytes"),
        ("80030001 00000004 00000001", "SYN_STREAM frame of 4 bytes"),
        ("80030002 00000003 000001", "SYN_REPLY frame of 3 bytes"),
        ("80030004 00000004 00000001", "1 settings in 4 bytes"),
        ("80030008 00ffffff", "control frame of 16777215 bytes"),
    ],
)
def test_what_is_no_frame(text: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        list(FrameReader().feed(bytes.fromhex(text)))


@pytest.mark.parametrize(
    "frame",
    [
        Data(1, bytes(LONGEST_DATA_BYTES + 1)),
        Data(-1, b""),
        RstStream(1 << 31, 1),
        SynReply(1, bytes(LONGEST_CONTROL_BYTES)),
    ],
    ids=["long", "negative", "large", "block"],
)
def test_what_no_frame_can_hold(frame: Frame) -> None:
    with pytest.raises(ValueError):
        emit_frame(frame)
