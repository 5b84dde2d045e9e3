from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.ttrpc.errors import FrameError
from runtime.ttrpc.frame import LONGEST_DATA, Frame, FrameReader, Kind, emit_frame

FRAMES = st.builds(
    Frame, st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40)
)


def test_the_header() -> None:
    # PROTOCOL.md, Message Frame
    assert emit_frame(Frame(1, Kind.REQUEST, 0, b"ab")) == b"\0\0\0\x02\0\0\0\x01\x01\0ab"


@given(st.lists(FRAMES, max_size=5), st.integers(1, 60))
def test_any_split_gives_the_same_frames(frames: list[Frame], step: int) -> None:
    stream = b"".join(map(emit_frame, frames))
    reader = FrameReader()
    found = [one for at in range(0, len(stream), step) for one in reader.feed(stream[at : at + step])]
    assert found == frames


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_one_error(data: bytes) -> None:
    try:
        FrameReader().feed(data)
    except FrameError:
        return


def test_what_is_too_long() -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(b"\x01" + bytes(9))
    with pytest.raises(FrameError):
        emit_frame(Frame(1, 1, 0, bytes(LONGEST_DATA + 1)))
