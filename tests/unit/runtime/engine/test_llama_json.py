"""llama.cpp's JSON to events and back."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.engine.interface import (
    ContextExceeded,
    EngineFailed,
    Finish,
    FinishReason,
    Generation,
    InvalidRequest,
    Piece,
    Progress,
    ToolCallPiece,
    Unsupported,
)
from runtime.engine.llama_json import ChunkReader, cause, emit_request, parse_embeddings, parse_error


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish, **more}]}


def test_request() -> None:
    body = emit_request(Generation(prompt=(1, 2), choices=2, options={"stop": ["x"], "top_logprobs": 5}))
    assert body["prompt"] == [1, 2] and body["n"] == 2 and body["stream"] and body["stop"] == ["x"]
    assert "top_logprobs" not in body and "n_probs" not in body


def test_logprobs_ask_for_at_least_one_alternative_and_report_what_was_wanted() -> None:
    request = Generation(prompt="a", options={"logprobs": True, "top_logprobs": 0})
    assert emit_request(request)["n_probs"] == 1
    entry = {
        "token": "é",
        "logprob": -0.5,
        "bytes": [195, 169],
        "top_logprobs": [{"token": "x", "logprob": -1}],
    }
    (piece,) = ChunkReader(request).read(chunk({"content": "é"}, logprobs={"content": [entry]}))
    assert isinstance(piece, Piece)
    assert piece.logprobs[0].data == "é".encode() and piece.logprobs[0].top == ()


def test_events() -> None:
    reader = ChunkReader(Generation(prompt="a"))
    assert list(reader.read({"prompt_progress": {"processed": 1, "total": 4}, "choices": []})) == [
        Progress(1, 4)
    ]
    assert list(reader.read(None)) == []
    assert list(reader.read(chunk({"role": "assistant", "content": None}))) == []
    assert list(reader.read(chunk({"content": "hi"}, index=1))) == [Piece(1, "hi")]
    assert list(reader.read(chunk({"reasoning_content": "so"}))) == [Piece(0, reasoning="so")]
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{"}}
    assert list(reader.read(chunk({"tool_calls": [call]}))) == [
        Piece(0, tool_calls=(ToolCallPiece(0, "c1", "f", "{"),))
    ]
    assert list(reader.read(chunk({}, "tool_calls"))) == [Finish(0, FinishReason.TOOL_CALLS)]


def test_usage_counts_the_prompt_once() -> None:
    reader = ChunkReader(Generation(prompt="a", choices=2))
    first = {"cache_n": 0, "prompt_n": 35, "prompt_ms": 300.0, "predicted_n": 3, "predicted_ms": 90.0}
    second = {"cache_n": 34, "prompt_n": 1, "prompt_ms": 10.0, "predicted_n": 4, "predicted_ms": 80.0}
    list(reader.read({**chunk({}, "stop"), "timings": first}))
    list(reader.read({**chunk({}, "stop", 1), "timings": second}))
    usage = reader.usage()
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (35, 7, 0)
    assert (usage.prompt_s, usage.generation_s) == (0.3, 0.09)


def test_of_an_error_the_cause_is_told() -> None:
    schema = "JSON schema error at #: unrecognized type banana"
    around = "Unable to generate parser for this template. Automatic parser generation failed: "
    assert cause(around + schema) == cause(schema) == schema
    assert str(parse_error({"type": "invalid_request_error", "message": around + schema})) == schema


def test_answers_of_one_token_took_no_time() -> None:
    reader = ChunkReader(Generation(prompt="a", choices=2))
    one = {"prompt_n": 35, "prompt_ms": 300.0, "predicted_n": 1, "predicted_ms": 0.001}
    for choice in (0, 1):
        list(reader.read({**chunk({}, "length", choice), "timings": one}))
    usage = reader.usage()
    assert (usage.completion_tokens, usage.generation_s) == (2, 0.0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 4}, ContextExceeded),
        ({"type": "not_supported_error", "message": "no"}, Unsupported),
        ({"type": "invalid_request_error", "message": "bad"}, InvalidRequest),
        ({"type": "server_error", "message": "broke"}, EngineFailed),
        (
            {
                "type": "server_error",
                "message": "input (901 tokens) is too large to process. increase the physical batch size "
                "(current batch size: 512)",
            },
            ContextExceeded,
        ),
    ],
)
def test_errors(error: dict[str, Any], kind: type[Exception]) -> None:
    assert type(parse_error(error)) is kind
    with pytest.raises(kind):
        list(ChunkReader(Generation(prompt="a")).read({"error": error}))


def test_embeddings_come_in_order() -> None:
    rows = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    result = parse_embeddings({"data": rows, "usage": {"prompt_tokens": 5}})
    assert result.vectors == ((1.0,), (2.0,)) and result.prompt_tokens == 5
    with pytest.raises(InvalidRequest):
        parse_embeddings({"error": {"type": "invalid_request_error", "message": "x"}})
