from __future__ import annotations

import json

import pytest

from bronzewillow.testing.lab.calls import answer, chat_body, events


def chunk(text: str | None) -> str:
    return "data: " + json.dumps({"choices": [{"delta": {"content": text} if text else {}}]})


def test_a_body_is_a_chat_completion() -> None:
    body = json.loads(chat_body(7, stream=False, text="Hi"))
    assert body["max_tokens"] == 7
    assert body["stream"] is False
    assert body["messages"] == [{"role": "user", "content": "Hi"}]


def test_an_answer_is_its_pieces() -> None:
    text = "\n\n".join([chunk("one "), chunk("two"), chunk(None), "data: [DONE]", ""])
    assert answer(events(text)) == "one two"


@pytest.mark.parametrize("text", ["", "nothing", chunk("cut off")])
def test_an_answer_that_does_not_end_is_a_failure(text: str) -> None:
    with pytest.raises(AssertionError):
        events(text)
