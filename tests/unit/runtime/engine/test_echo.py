"""The engine without a model; tests/contract/engine shows that it keeps the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.engine.echo import EchoEngine
from runtime.engine.interface import EngineConfig, Event, Finish, Generation, Piece


def say(prompt: str, **options: Any) -> tuple[str, str]:
    async def main() -> list[Event]:
        engine = EchoEngine(EngineConfig(Path(), context_tokens=32))
        return [event async for event in engine.generate(Generation(prompt=prompt, options=options))]

    events = aio.run(main())
    text = "".join(event.text for event in events if isinstance(event, Piece))
    (reason,) = [event.reason for event in events if isinstance(event, Finish)]
    return text, reason


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, ("a bb ccc", "stop")),
        ({"max_tokens": 2}, ("a bb", "length")),
        ({"max_tokens": 3}, ("a bb ccc", "stop")),
        ({"stop": ["b"]}, ("a ", "stop")),
        ({"stop": ["b c"]}, ("a b", "stop")),
        ({"max_tokens": 5, "ignore_eos": True}, ("a bb ccca bb", "length")),
        ({"seed": 1}, (" bb ccca", "stop")),
        ({"max_tokens": 0}, ("", "stop")),
    ],
)
def test_answers(options: dict[str, Any], answer: tuple[str, str]) -> None:
    assert say("a bb ccc", **options) == answer
