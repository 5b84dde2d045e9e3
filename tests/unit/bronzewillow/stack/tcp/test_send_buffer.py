from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.send_buffer import SendBuffer


def test_it_takes_what_it_has_room_for() -> None:
    b = SendBuffer(5)
    assert b.append(b"abc") == 3 and b.append(memoryview(b"defg")) == 2 and b.append(b"x") == 0
    assert (b.start, b.end, b.free_bytes, len(b)) == (0, 5, 0, 5)
    assert b.peek(1, 3) == b"bcd" and b.peek(4, 100) == b"e"


def test_release_moves_the_start() -> None:
    b = SendBuffer(5)
    b.append(bytearray(b"abcde"))
    assert b.release(2) == 2 and b.release(1) == 0
    assert b.peek(2, 2) == b"cd" and b.free_bytes == 2
    assert b.release(99) == 3 and (b.start, b.end) == (5, 5)
    b.append(b"xy")
    b.clear()
    assert (b.start, b.end, len(b)) == (7, 7, 0)


@given(st.lists(st.tuples(st.binary(max_size=20), st.integers(0, 30)), max_size=30))
def test_against_a_model(steps: list[tuple[bytes, int]]) -> None:
    b, stream = SendBuffer(40), b""
    for data, release in steps:
        stream += data[: b.append(data)]
        b.release(min(b.start + release, b.end))
        assert b.end == len(stream) and len(b) <= 40
        assert b.peek(b.start, 100) == stream[b.start :]
