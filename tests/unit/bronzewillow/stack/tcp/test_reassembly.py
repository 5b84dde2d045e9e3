from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.reassembly import Reassembly

STREAM = bytes(i * 31 % 251 for i in range(400))


def test_a_gap_and_its_filling() -> None:
    r = Reassembly(10)
    assert r.insert(10, b"klm") and r.buffered_bytes == 3 and r
    assert r.take(5) == b""
    assert r.take(10) == b"klm"
    assert not r and r.buffered_bytes == 0


def test_touching_ranges_become_one() -> None:
    r = Reassembly(1)
    r.insert(10, b"ab")
    assert r.insert(12, b"cd") and r.insert(8, b"yz")
    assert r.sack_blocks() == [(8, 14)]
    assert not r.insert(20, b"x")
    assert r.take(8) == b"yzabcd"


def test_the_first_copy_wins() -> None:
    r = Reassembly(10)
    r.insert(10, b"AAAA")
    r.insert(16, b"BB")
    r.insert(8, b"cccccccccccc")
    assert r.take(8) == b"ccAAAAccBBcc"


def test_what_lies_before_the_position_is_forgotten() -> None:
    r = Reassembly(10)
    r.insert(10, b"abcdef")
    r.insert(20, b"x")
    assert r.take(13) == b"def"
    assert r.take(30) == b"" and not r


def test_sack_blocks_newest_first_and_three() -> None:  # RFC 2018 4
    r = Reassembly(10)
    for at in (10, 20, 30, 40):
        r.insert(at, b"xx")
    assert r.sack_blocks() == [(40, 42), (30, 32), (20, 22)]
    r.insert(22, b"yy")
    assert r.sack_blocks() == [(20, 24), (40, 42), (30, 32)]
    r.take(20)
    assert r.sack_blocks() == [(40, 42), (30, 32)]
    r.clear()
    assert r.sack_blocks() == [] and r.buffered_bytes == 0


@given(st.lists(st.tuples(st.integers(1, 380), st.integers(1, 20)), max_size=40), st.integers(1, 6))
def test_against_a_model(pieces: list[tuple[int, int]], max_ranges: int) -> None:
    r = Reassembly(max_ranges)
    model: dict[int, int] = {}
    for at, size in pieces:
        data = STREAM[at : at + size]
        if r.insert(at, data):
            for i, byte in enumerate(data, at):
                model.setdefault(i, byte)
        assert r.buffered_bytes == len(model)
        runs = sum(1 for i in model if i - 1 not in model)
        assert runs <= max_ranges
        for left, right in r.sack_blocks():
            assert all(i in model for i in range(left, right))
            assert left - 1 not in model and right not in model
    position = min(model, default=0)
    expected = bytearray()
    while position + len(expected) in model:
        expected.append(model[position + len(expected)])
    assert r.take(position) == bytes(expected)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=8),
    st.integers(0, 60),
    st.integers(1, 20),
)
def test_overlap_against_a_set(pieces: list[tuple[int, int]], start: int, size: int) -> None:
    """RFC 2883 4: the first run of bytes that came twice."""
    r = Reassembly(100)
    held: set[int] = set()
    for left, length in pieces:
        r.insert(left, bytes(length))
        held.update(range(left, left + length))
    stop = start + size
    first = next((at for at in range(start, stop) if at in held), None)
    if first is None:
        assert r.overlap(start, stop) is None
    else:
        end = next((at for at in range(first, stop) if at not in held), stop)
        assert r.overlap(start, stop) == (first, end)
