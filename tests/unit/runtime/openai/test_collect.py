"""Events, gathered."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bronzewillow.testing import aio
from runtime.engine.interface import Event, Finish, FinishReason, Piece, ToolCallPiece, Usage
from runtime.openai.collect import Answer, collect


def test_choices_and_tool_calls_are_put_together() -> None:
    events: list[Event] = [
        Piece(1, "b", reasoning="so "),
        Piece(0, "a"),
        Piece(0, tool_calls=(ToolCallPiece(0, "id", "f", '{"x"'), ToolCallPiece(1, "id2", "g", "{}"))),
        Piece(0, tool_calls=(ToolCallPiece(0, arguments=":1}"),)),
        Finish(0, FinishReason.TOOL_CALLS),
        Piece(1, "c", reasoning="what"),
        Finish(1, FinishReason.LENGTH),
        Usage(3, 4),
    ]

    async def batches() -> AsyncIterator[list[Event]]:
        yield []
        yield events[:3]
        yield events[3:]

    async def main() -> Answer:
        return await collect(batches(), 2)

    answer = aio.run(main())
    first, second = answer.choices
    assert first.text == "a" and first.finish == "tool_calls"
    assert [(call.id, call.name, call.arguments) for call in first.tool_calls] == [
        ("id", "f", '{"x":1}'),
        ("id2", "g", "{}"),
    ]
    assert (second.text, second.reasoning, second.finish) == ("bc", "so what", "length")
    assert answer.usage == Usage(3, 4)
