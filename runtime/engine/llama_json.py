"""llama.cpp's JSON, as its server takes and gives it, to and from the engine's vocabulary.

Shared by the engine that calls the server's code in-process and the one that talks to a server over a socket.
Source: llama.cpp tools/server (server-schema.cpp, server-task.cpp).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runtime.engine.interface import (
    ContextExceeded,
    Embeddings,
    EngineError,
    EngineFailed,
    Event,
    Finish,
    FinishReason,
    Generation,
    InvalidRequest,
    Piece,
    Progress,
    TokenLogprob,
    ToolCallPiece,
    Unsupported,
    Usage,
)

_BEFORE_THE_CAUSE = "Unable to generate parser for this template. Automatic parser generation failed: "
_TOO_LARGE = re.compile(r"input \((\d+) tokens\) is too large to process.*current batch size: (\d+)")


def emit_request(request: Generation) -> dict[str, Any]:
    """The body of /v1/chat/completions or /v1/completions for `request`, always streaming."""
    body: dict[str, Any] = dict(request.options)
    if request.messages is not None:
        body["messages"] = list(request.messages)
    else:
        body["prompt"] = list(request.prompt) if isinstance(request.prompt, tuple) else request.prompt
    if body.pop("logprobs", False):
        # Chat takes logprobs and top_logprobs, completions a number; n_probs is understood by both. It must
        # be at least 1 for any probability to be reported, hence one alternative more than asked may come
        # back.
        body["n_probs"] = max(1, body.pop("top_logprobs", 0))
    else:
        body.pop("top_logprobs", None)
    body["n"] = request.choices
    body["stream"] = True
    # Progress of the prompt is the only sign of life before the first token: without it a caller that has
    # gone would hold its slot until the whole prompt is read.
    body["return_progress"] = True
    return body


def cause(message: str) -> str:
    """What llama.cpp says of a request, without what that made impossible."""
    return message.removeprefix(_BEFORE_THE_CAUSE)


def parse_error(value: Mapping[str, Any]) -> EngineError:
    """The exception for llama.cpp's error object `{"code","message","type",...}`."""
    kind = value.get("type")
    message = cause(str(value.get("message", "unknown error")))
    if kind == "exceed_context_size_error":
        return ContextExceeded(int(value.get("n_prompt_tokens", 0)), int(value.get("n_ctx", 0)))
    if kind == "not_supported_error":
        return Unsupported(message)
    if kind in ("invalid_request_error", "not_found_error"):
        return InvalidRequest(message)
    # This refusal has no type of its own (server-context.cpp), so its wording must do.
    if found := _TOO_LARGE.match(message):
        return ContextExceeded(int(found[1]), int(found[2]))
    return EngineFailed(message)


def parse_embeddings(answer: Mapping[str, Any]) -> Embeddings:
    """The vectors of /v1/embeddings, in the inputs' order; raises EngineError for an error object."""
    if error := answer.get("error"):
        raise parse_error(error)
    rows = sorted(answer["data"], key=lambda row: int(row["index"]))
    return Embeddings(tuple(tuple(row["embedding"]) for row in rows), int(answer["usage"]["prompt_tokens"]))


class ChunkReader:
    """The chunks of one streamed answer, turned into events."""

    def __init__(self, request: Generation) -> None:
        self._top = int(request.options.get("top_logprobs", 0) or 0)
        self._wants_logprobs = bool(request.options.get("logprobs"))
        self._prompt_tokens = 0
        self._cached_tokens = 0
        self._completion_tokens = 0
        self._prompt_ms = 0.0
        self._generation_ms = 0.0

    def read(self, chunk: Any) -> Iterator[Event]:
        """The events of one chunk; raises EngineError for an error object."""
        if not isinstance(chunk, dict):  # a prompt among several may begin with a bare null
            return
        if error := chunk.get("error"):
            raise parse_error(error)
        if progress := chunk.get("prompt_progress"):
            yield Progress(int(progress["processed"]), int(progress["total"]))
        for choice in chunk.get("choices", ()):
            yield from self._read_choice(choice)
        if "timings" in chunk:
            self._add_timings(chunk["timings"])

    def usage(self) -> Usage:
        """The sum over all choices, once the stream has ended."""
        return Usage(
            self._prompt_tokens,
            self._completion_tokens,
            self._cached_tokens,
            self._prompt_ms / 1000,
            self._generation_ms / 1000,
        )

    def _read_choice(self, choice: dict[str, Any]) -> Iterator[Event]:
        index = int(choice.get("index", 0))
        delta = choice.get("delta") or {}
        text = choice.get("text") or delta.get("content") or ""
        reasoning = delta.get("reasoning_content") or ""
        calls = tuple(_tool_call(call) for call in delta.get("tool_calls") or ())
        logprobs: tuple[TokenLogprob, ...] = ()
        if self._wants_logprobs:
            content = (choice.get("logprobs") or {}).get("content") or ()
            logprobs = tuple(_logprob(entry, self._top) for entry in content)
        if text or reasoning or calls or logprobs:
            yield Piece(index, text, reasoning, calls, logprobs)
        if reason := choice.get("finish_reason"):
            yield Finish(index, FinishReason(reason))

    def _add_timings(self, timings: Mapping[str, Any]) -> None:
        cached = int(timings.get("cache_n", 0))
        prompt = int(timings.get("prompt_n", 0)) + cached
        if prompt > self._prompt_tokens:  # choices share the prompt: it counts once, and so does its cache
            self._prompt_tokens = prompt
        if not self._completion_tokens:
            self._cached_tokens = cached
        self._cached_tokens = min(self._cached_tokens, cached)
        self._prompt_ms = max(self._prompt_ms, float(timings.get("prompt_ms", 0.0)))
        predicted = int(timings.get("predicted_n", 0))
        self._completion_tokens += predicted
        if predicted > 1:  # for a single token llama.cpp reports a microsecond in place of no time
            self._generation_ms = max(self._generation_ms, float(timings.get("predicted_ms", 0.0)))


def _tool_call(call: Mapping[str, Any]) -> ToolCallPiece:
    function = call.get("function") or {}
    return ToolCallPiece(
        int(call.get("index", 0)), call.get("id"), function.get("name"), function.get("arguments") or ""
    )


def _logprob(entry: Mapping[str, Any], top: int) -> TokenLogprob:
    alternatives = [_logprob(other, 0) for other in entry.get("top_logprobs", ())][:top]
    return TokenLogprob(
        str(entry.get("token", "")),
        float(entry.get("logprob", 0.0)),
        bytes(entry.get("bytes") or ()),
        tuple(alternatives),
    )
