from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.send_buffer import SendBuffer


def test_it_takes_what_it_has_room_for() -> None:
    b = SendBuffer(5, 5)
    assert b.append(b"abc") == 3 and b.append(memoryview(b"defg")) == 2 and b.append(b"x") == 0
    assert (b.start, b.end, b.free_bytes, len(b)) == (0, 5, 0, 5)
    assert b.peek(1, 3) == b"bcd" and b.peek(4, 100) == b"e"


def test_release_moves_the_start() -> None:
    b = SendBuffer(5, 5)
    b.append(bytearray(b"abcde"))
    assert b.release(2) == 2 and b.release(1) == 0
    assert b.peek(2, 2) == b"cd" and b.free_bytes == 2
    assert b.release(99) == 3 and (b.start, b.end) == (5, 5)
    b.append(b"xy")
    b.clear()
    assert (b.start, b.end, len(b)) == (7, 7, 0)


def test_it_grows_up_to_its_limit_and_never_shrinks() -> None:
    b = SendBuffer(3, 5)
    assert b.append(b"abcdef") == 3
    b.grow(4)
    assert (b.free_bytes, b.append(b"def")) == (1, 1)
    b.grow(2)
    b.grow(100)
    assert b.capacity_bytes == 5
    assert SendBuffer(9, 5).capacity_bytes == 5


@given(st.lists(st.tuples(st.binary(max_size=20), st.integers(0, 30)), max_size=30))
def test_against_a_model(steps: list[tuple[bytes, int]]) -> None:
    b, stream = SendBuffer(40, 40), b""
    for data, release in steps:
        stream += data[: b.append(data)]
        b.release(min(b.start + release, b.end))
        assert b.end == len(stream) and len(b) <= 40
        assert b.peek(b.start, 100) == stream[b.start :]


SIZES = st.sampled_from([1, 150, 20_000, 32_767, 32_768, 50_000, 70_000])


@given(st.lists(st.tuples(SIZES, st.sampled_from([bytes, bytearray, memoryview]), st.integers(0, 90_000))))
def test_large_and_small_pieces_against_a_model(steps: list[tuple[int, type, int]]) -> None:
    b, stream = SendBuffer(200_000, 200_000), b""
    for number, (size, kind, release) in enumerate(steps):
        data = bytes([number % 251]) * size
        stream += data[: b.append(kind(data))]
        assert b.peek(max(b.start, b.end - size - 5), size) == stream[max(b.start, b.end - size - 5) :][:size]
        b.release(min(b.start + release, b.end))
        assert b.end == len(stream) and len(b) <= 200_000
    assert b.peek(b.start, 300_000) == stream[b.start :]


def test_large_bytes_are_kept_and_small_ones_share_a_piece() -> None:
    b, large = SendBuffer(1 << 20, 1 << 20), bytes(40_000)
    b.append(large)
    for _ in range(1000):
        b.append(b"token")
    assert b._pieces[0] is large and len(b._pieces) == 2
    b.release(40_000)
    assert len(b._pieces) == 1 and b.peek(b.start, 10) == b"tokentoken"


def test_a_buffer_of_the_users_may_change_afterwards() -> None:
    b, mine = SendBuffer(1 << 20, 1 << 20), bytearray(b"a" * 40_000)
    b.append(mine)
    mine[:] = b"b" * 40_000
    assert b.peek(0, 40_000) == b"a" * 40_000
