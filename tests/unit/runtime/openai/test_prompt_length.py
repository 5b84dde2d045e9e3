"""What is refused by its length, and what is left to the engine."""

from __future__ import annotations

import pytest

from runtime.engine.interface import ContextExceeded, Generation, ModelInfo
from runtime.openai.prompt_length import check_length

MODEL = ModelInfo(10, 1, longest_token_bytes=4)


def chat(*turns: tuple[str, object]) -> Generation:
    return Generation(messages=tuple({"role": role, "content": content} for role, content in turns))


@pytest.mark.parametrize(
    ("request_", "least"),
    [
        (Generation(prompt="x" * 41), 11),
        (Generation(prompt="é" * 30), 15),
        (chat(("user", "hi"), ("assistant", "yes"), ("user", "x" * 50)), 13),
        (chat(("user", "x" * 400), ("tool", "y")), 100),
    ],
)
def test_what_cannot_fit(request_: Generation, least: int) -> None:
    with pytest.raises(ContextExceeded) as caught:
        check_length(request_, MODEL)
    assert (caught.value.prompt_tokens, caught.value.context_tokens) == (least, 10)
    assert caught.value.is_least


@pytest.mark.parametrize(
    "request_",
    [
        Generation(prompt="x" * 40),
        Generation(prompt=" \n\t\0\x7f" * 500 + "x"),
        Generation(prompt=tuple(range(500))),
        chat(("system", "x" * 500), ("assistant", "x" * 500)),
        chat(("user", "x" * 500), ("user", "hi")),  # a template may begin at the last one
        chat(("user", [{"type": "text", "text": "x" * 500}])),
    ],
)
def test_what_may_fit_is_the_engines(request_: Generation) -> None:
    check_length(request_, MODEL)


def test_of_a_vocabulary_that_tells_nothing_nothing_is_refused() -> None:
    check_length(Generation(prompt="x" * 5000), ModelInfo(10, 1))
