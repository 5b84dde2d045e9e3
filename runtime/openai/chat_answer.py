"""What the engine says in a chat, as OpenAI's JSON: chunks of a stream, or whole choices."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

from runtime.engine.interface import Event, Finish, Piece, TokenLogprob, ToolCallPiece, Usage
from runtime.openai.collect import Collected
from runtime.openai.usage import emit_usage


class ChatChunks:
    """The chunks of one streamed chat; `id`, `created` and `model` are equal in all of them."""

    def __init__(self, head: Mapping[str, Any], choices: int, with_usage: bool) -> None:
        self._head = {**head, "object": "chat.completion.chunk"}
        self._choices = choices
        self._with_usage = with_usage

    async def emit(self, batches: AsyncIterator[list[Event]]) -> AsyncGenerator[list[dict[str, Any]], None]:
        """The chunks for each batch of events; an empty list is a pause in which nothing happened."""
        first = True
        async for batch in batches:
            chunks: list[dict[str, Any]] = []
            if first and batch:
                first = False
                chunks += [
                    self._chunk(index, {"role": "assistant", "content": None})
                    for index in range(self._choices)
                ]
            for event in batch:
                chunks.extend(self._emit_event(event))
            if chunks or not batch:
                yield chunks

    def _emit_event(self, event: Event) -> Iterator[dict[str, Any]]:
        match event:
            case Piece():
                delta: dict[str, Any] = {}
                if event.reasoning:
                    delta["reasoning_content"] = event.reasoning
                if event.text:
                    delta["content"] = event.text
                if event.tool_calls:
                    delta["tool_calls"] = [emit_tool_piece(call) for call in event.tool_calls]
                yield self._chunk(event.choice, delta, logprobs=event.logprobs)
            case Finish():
                yield self._chunk(event.choice, {}, finish=str(event.reason))
            case Usage() if self._with_usage:
                yield {**self._head, "choices": [], "usage": emit_usage(event)}
            case _:
                pass

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        finish: str | None = None,
        logprobs: tuple[TokenLogprob, ...] = (),
    ) -> dict[str, Any]:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": emit_logprobs(logprobs) if logprobs else None,
            "finish_reason": finish,
        }
        chunk = {**self._head, "choices": [choice]}
        if self._with_usage:
            chunk["usage"] = None
        return chunk


def emit_logprobs(tokens: tuple[TokenLogprob, ...]) -> dict[str, Any]:
    """Chat's form of logprobs."""

    def one(token: TokenLogprob) -> dict[str, Any]:
        return {"token": token.token, "logprob": token.logprob, "bytes": list(token.data)}

    return {
        "content": [{**one(token), "top_logprobs": [one(other) for other in token.top]} for token in tokens],
        "refusal": None,
    }


def emit_tool_piece(call: ToolCallPiece) -> dict[str, Any]:
    """The first piece of a call carries id, type and name, the rest arguments only."""
    if call.id is None and call.name is None:
        return {"index": call.index, "function": {"arguments": call.arguments}}
    return {
        "index": call.index,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def emit_choice(index: int, one: Collected) -> dict[str, Any]:
    """A choice of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": one.text, "refusal": None}
    if one.reasoning:
        message["reasoning_content"] = one.reasoning
    if one.tool_calls:
        message["content"] = one.text or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in one.tool_calls
        ]
    return {
        "index": index,
        "message": message,
        "logprobs": emit_logprobs(tuple(one.logprobs)) if one.logprobs else None,
        "finish_reason": one.finish,
    }
