from __future__ import annotations

import pytest

from bronzewillow.stack.tcp.isn import initial_sequence_number, timestamp_offset
from bronzewillow.wire.seqnum import diff

A, B = (bytes((10, 0, 0, 1)), 80), (bytes((10, 0, 0, 2)), 40_000)


@pytest.mark.rfc("9293:SHLD-1")
@pytest.mark.rfc("6528:3")
@pytest.mark.rfc("9293:MUST-9")
def test_it_depends_on_the_secret_and_on_both_ends() -> None:  # RFC 6528 3
    first = initial_sequence_number(b"s" * 16, A, B, 0)
    assert first == initial_sequence_number(b"s" * 16, A, B, 0)
    others = {
        initial_sequence_number(b"t" * 16, A, B, 0),
        initial_sequence_number(b"s" * 16, B, A, 0),
        initial_sequence_number(b"s" * 16, A, (B[0], 40_001), 0),
        initial_sequence_number(b"s" * 16, (A[0], 81), B, 0),
    }
    assert len(others | {first}) == 5


@pytest.mark.rfc("9293:MUST-8")
def test_it_grows_with_time_and_wraps() -> None:
    first = initial_sequence_number(b"s" * 16, A, B, 0)
    assert diff(initial_sequence_number(b"s" * 16, A, B, 4_000_000), first) == 1_000_000
    wrapped = initial_sequence_number(b"s" * 16, A, B, 4 << 32)
    assert wrapped == first < 1 << 32


@pytest.mark.rfc("7323:7.1")
def test_incarnations_share_a_clock_and_connections_do_not() -> None:  # RFC 7323 7.1
    offset = timestamp_offset(b"s" * 16, A, B)
    assert offset == timestamp_offset(b"s" * 16, A, B)
    others = {
        timestamp_offset(b"t" * 16, A, B),
        timestamp_offset(b"s" * 16, B, A),
        timestamp_offset(b"s" * 16, A, (B[0], 40_001)),
        initial_sequence_number(b"s" * 16, A, B, 0),
    }
    assert len(others | {offset}) == 5
