from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.proxy.tally import StreamTally, is_countable, is_event_stream

STREAM = (
    b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'
    b": a comment\n\n"
    b'data: {"choices":[{"delta":{"content":"say \\"completion_tokens\\": 99"}}]}\n\n'
    b'data: {"choices":[{"delta":{}}]}\r\n\r\n'
    b"data: [DONE]\n\n"
)
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1234,"total_tokens":1241}}\n\n'


def test_events_are_counted_without_the_end_mark() -> None:
    tally = StreamTally(b"text/event-stream")
    tally.feed(STREAM)
    assert (tally.events, tally.tokens) == (3, 3)
    assert tally.at_boundary


def test_the_usage_chunk_tells_the_tokens() -> None:
    tally = StreamTally(b"text/event-stream; charset=utf-8")
    tally.feed(STREAM.replace(b"data: [DONE]\n\n", USAGE + b"data: [DONE]\n\n"))
    assert (tally.events, tally.tokens) == (4, 1234)


@given(st.lists(st.integers(0, len(STREAM + USAGE)), max_size=12), st.booleans())
def test_any_split_counts_alike(cuts: list[int], spaced: bool) -> None:
    stream = STREAM.replace(b"data: [DONE]\n\n", USAGE + b"data: [DONE]\n\n")
    if not spaced:
        stream = stream.replace(b"data: [DONE]", b"data:[DONE]")
    tally = StreamTally(b"text/event-stream")
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        tally.feed(stream[start:end])
    assert (tally.events, tally.tokens) == (4, 1234)
    assert tally.at_boundary


def test_a_cut_event_is_no_boundary() -> None:
    tally = StreamTally(b"text/event-stream")
    assert tally.at_boundary
    tally.feed(b"data: {}\n")
    assert not tally.at_boundary
    tally.feed(b"\n")
    assert tally.at_boundary


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [(b'{"type":"message_delta","usage":{"output_tokens": 12}}', 12), (b'{"done":true,"eval_count":5}', 5)],
)
def test_other_dialects_of_usage(usage: bytes, tokens: int) -> None:
    tally = StreamTally(b"application/x-ndjson")
    tally.feed(b'{"response":"a"}\n' + usage + b"\n")
    assert (tally.events, tally.tokens) == (2, tokens)


def test_memory_is_bounded() -> None:
    tally = StreamTally(b"text/event-stream")
    for _ in range(1000):
        tally.feed(b"x" * 10_000)
    assert len(tally._reach) <= 64


def test_content_types() -> None:
    assert is_event_stream(b"Text/Event-Stream; charset=utf-8")
    assert not is_event_stream(b"application/json")
    assert is_countable(b"application/x-ndjson")
    assert not is_countable(b"")
