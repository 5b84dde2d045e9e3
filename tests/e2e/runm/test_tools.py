"""Calls of tools by a real model whose chat template has a place for them, as OpenAI's client reads them.

The model was never taught to call: it is shown calls, and goes on. What is tested is that the call is found
in what it writes, and that its arguments keep to the tool's schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from .conftest import LIMIT_S

pytestmark = pytest.mark.e2e

TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
            "required": ["city"],
        },
    },
}


def called(city: str) -> list[Any]:
    """A question, and the call that answers it."""
    function = {"name": "get_weather", "arguments": json.dumps({"city": city})}
    call = {"id": city, "type": "function", "function": function}
    return [
        {"role": "user", "content": f"What is the weather in {city}?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]


ASK: Any = {
    "model": "model",
    "messages": [*called("Rome"), *called("Paris"), *called("Rome"), *called("Paris"), called("Rome")[0]],
    "tools": [TOOL],
    "parallel_tool_calls": False,
    "max_tokens": 100,
    "temperature": 0,
    "extra_body": {"cache_prompt": False},
}


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, model_path: Path, start: Callable[..., Any]
) -> Iterator[openai.OpenAI]:
    folder = tmp_path_factory.mktemp("rootfs")
    (folder / "model.gguf").symlink_to(model_path)
    (folder / "chat_template.jinja").symlink_to(Path(__file__).with_name("tools.jinja"))
    with (
        start("--rootfs", str(folder), "--context", "1024") as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=LIMIT_S) as one,
    ):
        yield one


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_call_is_an_object_of_its_own(client: openai.OpenAI, choice: Any) -> None:
    (answered,) = client.chat.completions.create(**ASK, tool_choice=choice).choices
    assert answered.finish_reason == "tool_calls"
    assert answered.message.tool_calls is not None
    (call,) = answered.message.tool_calls
    assert call.type == "function" and call.id
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")
    assert not answered.message.content


def test_a_streamed_call_has_its_name_first_and_then_its_arguments(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**ASK, tool_choice="required").choices[0].message
    chunks = list(client.chat.completions.create(**ASK, tool_choice="required", stream=True))
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or ()]
    assert {piece.index for piece in pieces} == {0}
    functions = [piece.function for piece in pieces if piece.function is not None]
    assert (functions[0].name, pieces[0].type, bool(pieces[0].id)) == ("get_weather", "function", True)
    assert not any(piece.id or piece.type for piece in pieces[1:])
    assert whole.tool_calls is not None
    assert "".join(one.arguments or "" for one in functions) == whole.tool_calls[0].function.arguments
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_answer_of_a_tool_is_read(client: openai.OpenAI) -> None:
    rain = {"role": "tool", "tool_call_id": "Paris", "content": "It is raining in Paris, 7 degrees."}
    messages = [*called("Paris"), rain]
    answered = client.chat.completions.create(**ASK | {"messages": messages}).choices[0]
    assert "7" in (answered.message.content or "") or "rain" in (answered.message.content or "")


def test_the_model_says_that_it_has_tools(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert "tools" in model.model_dump()["capabilities"]
