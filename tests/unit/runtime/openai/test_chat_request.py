"""Chat requests: what is taken, what is refused, and under which name."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.engine.interface import ModelInfo
from runtime.openai.chat_request import parse_chat
from runtime.openai.errors import ApiError

MODEL = ModelInfo(64, 2, json_schema=True, logprobs=True)
USER = [{"role": "user", "content": "hi"}]
LARGE = {"enum": list(range(2_000))}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ({"messages": USER, "n": 3}, "n"),
        ({"messages": USER, "n": 0}, "n"),
        ({"messages": USER, "top_logprobs": 2}, "top_logprobs"),
        ({"messages": USER, "logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"messages": USER, "response_format": {"type": "xml"}}, "response_format.type"),
        ({"messages": USER, "response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"messages": USER, "tools": [TOOL]}, "tools"),
        ({"messages": USER, "tools": [{}]}, "tools[0]"),
        ({"messages": USER, "tools": [TOOL] * 129}, "tools"),
        ({"messages": USER, "tools": [{"function": {"name": "f", "parameters": LARGE}}]}, "tools[0]"),
        ({"messages": USER, "response_format": {"type": "json_object", "schema": LARGE}}, "response_format"),
        ({"messages": USER, "json_schema": LARGE}, "json_schema"),
        ({"messages": USER, "tool_choice": "required"}, "tool_choice"),
    ],
)
def test_refusals(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_chat(body, MODEL)
    assert caught.value.status == 400
    assert caught.value.body["error"]["param"] == param


def test_parts_become_text_and_developer_becomes_system() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = {"messages": [{"role": "developer", "content": "be"}, {"role": "user", "content": parts}]}
    messages = parse_chat(body, MODEL).messages or ()
    assert messages == ({"role": "system", "content": "be"}, {"role": "user", "content": "ab"})


def test_tools_where_the_model_has_them() -> None:
    able = ModelInfo(64, 2, tools=True)
    other = {"type": "function", "function": {"name": "g"}}
    plain = parse_chat({"messages": USER, "tools": [TOOL]}, able).options
    assert plain["tools"] == [TOOL] and "tool_choice" not in plain
    named = {"type": "function", "function": {"name": "g"}}
    options = parse_chat({"messages": USER, "tools": [TOOL, other], "tool_choice": named}, able).options
    assert options["tools"] == [other] and options["tool_choice"] == "required"
    assert "tools" not in parse_chat({"messages": USER, "tools": [TOOL], "tool_choice": "none"}, able).options
    with pytest.raises(ApiError, match="not among"):
        named = {"type": "function", "function": {"name": "h"}}
        parse_chat({"messages": USER, "tools": [TOOL], "tool_choice": named}, able)


def test_abilities_that_the_model_lacks_are_refused() -> None:
    for body in ({"logprobs": True}, {"response_format": {"type": "json_object"}}):
        with pytest.raises(ApiError):
            parse_chat({"messages": USER, **body}, ModelInfo(64, 2))
    with pytest.raises(ApiError, match="only makes embeddings"):
        parse_chat({"messages": USER}, ModelInfo(64, 2, chat=False))


def seeing(url: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


def test_images_come_with_the_request_or_not_at_all() -> None:
    blind, sees = ModelInfo(64, 1), ModelInfo(64, 1, images=True)
    asked = parse_chat(seeing("data:image/png;base64,AAAA"), sees)
    assert asked.messages is not None
    assert asked.messages[0]["content"][0]["type"] == "image_url"
    with pytest.raises(ApiError, match="takes text only"):
        parse_chat(seeing("data:image/png;base64,AAAA"), blind)
    for url in (
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "data:text/html;base64,AAAA",
        "data:image/png,A",
    ):
        with pytest.raises(ApiError, match="data:image"):
            parse_chat(seeing(url), sees)
    with pytest.raises(ApiError, match="string"):
        parse_chat(seeing(3), sees)
