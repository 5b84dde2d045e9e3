"""The events of a generation, gathered into whole answers for a request that does not stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from runtime.engine.interface import Event, Finish, FinishReason, Piece, TokenLogprob, ToolCallPiece, Usage


@dataclass(slots=True)
class ToolCall:
    """One whole call; `arguments` is JSON text."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Collected:
    """One choice, whole."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    finish: str = str(FinishReason.STOP)

    def add(self, piece: Piece) -> None:
        self.text += piece.text
        self.reasoning += piece.reasoning
        self.logprobs.extend(piece.logprobs)
        for part in piece.tool_calls:
            self._add_call(part)

    def _add_call(self, part: ToolCallPiece) -> None:
        while len(self.tool_calls) <= part.index:
            self.tool_calls.append(ToolCall())
        call = self.tool_calls[part.index]
        call.id = part.id or call.id
        call.name = part.name or call.name
        call.arguments += part.arguments


@dataclass(slots=True)
class Answer:
    """All choices, and their cost."""

    choices: list[Collected]
    usage: Usage = field(default_factory=Usage)


async def collect(batches: AsyncIterator[list[Event]], choices: int) -> Answer:
    """Read to the end; an ApiError on the way passes through."""
    answer = Answer([Collected() for _ in range(choices)])
    async for batch in batches:
        for event in batch:
            if isinstance(event, Piece):
                answer.choices[event.choice].add(event)
            elif isinstance(event, Finish):
                answer.choices[event.choice].finish = str(event.reason)
            elif isinstance(event, Usage):
                answer.usage = event
    return answer
