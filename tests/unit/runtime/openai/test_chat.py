"""POST /v1/chat/completions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.engine.interface import ModelInfo, ToolCallPiece
from runtime.openai.chat import emit_tool_piece, parse_chat
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


def test_tool_pieces() -> None:
    assert emit_tool_piece(ToolCallPiece(0, "i", "f", "")) == {
        "index": 0, "id": "i", "type": "function", "function": {"name": "f", "arguments": ""},
    }  # fmt: skip
    assert emit_tool_piece(ToolCallPiece(0, arguments="{")) == {"index": 0, "function": {"arguments": "{"}}


async def read_stream(answer: Any) -> list[Any]:
    """The events of a stream; the last is the end mark."""
    blocks = (await answer.text()).split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith(("data: ", ": ")) for block in blocks)
    data = [block[6:] for block in blocks if block.startswith("data: ")]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


@pytest.mark.loopback
def test_answer(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            answer = await (await api.chat(n=2, max_tokens=2, logprobs=True, top_logprobs=1)).json()
            assert answer["object"] == "chat.completion" and answer["id"].startswith("chatcmpl-")
            assert answer["model"] == "host.example/team/tiny:1b"
            assert [choice["message"]["content"] for choice in answer["choices"]] == ["one two", " two three"]
            assert {choice["finish_reason"] for choice in answer["choices"]} == {"length"}
            (token, _) = answer["choices"][0]["logprobs"]["content"]
            assert (token["token"], token["bytes"]) == ("one", list(b"one")) and len(
                token["top_logprobs"]
            ) == 1
            assert answer["usage"]["total_tokens"] == 3 + 4

    aio.run(main())


@pytest.mark.loopback
@pytest.mark.parametrize("with_usage", [True, False])
def test_stream(serving: Any, with_usage: bool) -> None:
    async def main() -> None:
        async with serving() as api:
            answer = await api.chat("eins zwö", stream=True, stream_options={"include_usage": with_usage})
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["X-Accel-Buffering"] == "no"
            *chunks, done = await read_stream(answer)
        assert done == "[DONE]"
        assert (
            len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
        )
        if with_usage:
            last = chunks.pop()
            assert last["choices"] == [] and last["usage"]["completion_tokens"] == 2
        assert all(len(chunk["choices"]) == 1 for chunk in chunks)
        assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
            {"role": "assistant", "content": None}, {"content": "eins"}, {"content": " zwö"}, {},
        ]  # fmt: skip
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]

    aio.run(main())


@pytest.mark.loopback
def test_error_before_the_stream_has_a_status(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            answer = await api.chat("word " * 100, stream=True)
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "context_length_exceeded"

    aio.run(main())


@pytest.mark.loopback
def test_pings_while_nothing_comes(serving: Any) -> None:
    gate = asyncio.Event()

    async def pace() -> None:
        await gate.wait()

    async def main() -> None:
        async with serving(pace=pace, ping_s=0.01) as api:
            answer = await api.chat(stream=True)
            seen = b""
            while b": ping\n\n" not in seen:
                seen += await answer.content.readany()
            gate.set()
            rest = await answer.read()
            assert rest.endswith(b"data: [DONE]\n\n")

    aio.run(main())


@pytest.mark.loopback
@pytest.mark.parametrize("stream", [True, False])
def test_client_that_leaves_frees_its_slot(until: Any, serving: Any, stream: bool) -> None:
    async def main() -> None:
        async with serving(pace=asyncio.Event().wait) as api:
            asking = asyncio.ensure_future(api.chat(stream=stream))  # noqa: TID251
            await until(lambda: api.engine.running)
            if stream:
                (await asking).close()
            else:
                asking.cancel()
            await until(lambda: not (api.engine.running or api.service.admission.busy))

    aio.run(main())


@pytest.mark.loopback
def test_model_names(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            for name in ("pet", "tiny:1b", "team/tiny:1b", "host.example/team/tiny:1b", None, ""):
                assert (await api.chat(model=name)).status == 200
            answer = await api.chat(model="gpt-4")
            assert answer.status == 404
            error = (await answer.json())["error"]
            assert (error["code"], error["param"]) == ("model_not_found", "model")

    aio.run(main())


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
