"""POST /v1/chat/completions."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from runtime.engine.interface import (
    Event,
    Finish,
    Generation,
    ModelInfo,
    Piece,
    TokenLogprob,
    ToolCallPiece,
    Usage,
)
from runtime.openai.collect import Collected, collect
from runtime.openai.errors import ApiError, bad_request, dumps
from runtime.openai.fields import (
    Body,
    boolean,
    include_usage,
    integer,
    mapping,
    parse_body,
    sampling_options,
    string,
    wrong_type,
)
from runtime.openai.grammars import MAX_TOOLS, check_schema
from runtime.openai.ids import new_id
from runtime.openai.preset import Preset
from runtime.openai.service import SERVICE
from runtime.openai.stream import SseWriter
from runtime.openai.usage import emit_usage
from runtime.templates.errors import InvalidConversation, TemplateError

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_EXTRAS = ("chat_template_kwargs", "reasoning_effort", "reasoning_format")


async def post_chat(request: web.Request) -> web.StreamResponse:
    service = request.app[SERVICE]
    service.require_ready()
    body = parse_body(await request.read())
    service.require_model(string(body, "model"))
    generation = _with_preset(service.preset, parse_chat(body, service.info))
    head = {
        "id": new_id("chatcmpl"),
        "created": int(time.time()),
        "model": service.card.name,
        "system_fingerprint": service.info.engine,
    }
    async with service.run(generation, param="messages") as batches:
        if boolean(body, "stream"):
            chunks = ChatChunks(head, generation.choices, include_usage(body))
            async with aclosing(chunks.emit(batches)) as events:
                return await SseWriter(request).pump(events)
        collected = await collect(batches, generation.choices)
    answer = {
        **head,
        "object": "chat.completion",
        "choices": [_message(index, one) for index, one in enumerate(collected.choices)],
        "usage": emit_usage(collected.usage),
    }
    return web.json_response(answer, dumps=dumps)


def _with_preset(preset: Preset, generation: Generation) -> Generation:
    try:
        return preset.apply_chat(generation)
    except InvalidConversation as err:
        raise bad_request(str(err), "messages") from None
    except TemplateError as err:
        raise ApiError(500, f"The image's template fails: {err}", kind="server_error") from None


def parse_chat(body: Body, model: ModelInfo) -> Generation:
    """The engine's request for `body`; ApiError 400 for what is wrong or what the model cannot do."""
    if not model.chat:
        raise bad_request("This model has no chat completions; it only makes embeddings.", "model")
    options = sampling_options(body)
    if boolean(body, "logprobs"):
        if not model.logprobs:
            raise bad_request("This engine does not report token probabilities.", "logprobs")
        options["logprobs"] = True
        options["top_logprobs"] = integer(body, "top_logprobs", 0, 20) or 0
    elif integer(body, "top_logprobs", 0, 20):
        raise bad_request("'top_logprobs' needs 'logprobs' to be true.", "top_logprobs")
    options.update(_tools(body, model))
    options.update(_response_format(body, model))
    for field in _EXTRAS:
        if body.get(field) is not None:
            options[field] = body[field]
    return Generation(messages=_messages(body, model), choices=parse_choices(body, model), options=options)


def parse_choices(body: Body, model: ModelInfo) -> int:
    """`n`, which must fit into the slots."""
    choices = integer(body, "n", 1, 128) or 1
    if choices > model.slots:
        raise bad_request(
            f"Invalid 'n': {choices} answers at once, this server has {model.slots} slots.", "n"
        )
    return choices


class ChatChunks:
    """The chunks of one streamed chat; `id`, `created` and `model` are equal in all of them."""

    def __init__(self, head: Mapping[str, Any], choices: int, with_usage: bool) -> None:
        self._head = {**head, "object": "chat.completion.chunk"}
        self._choices = choices
        self._with_usage = with_usage

    async def emit(self, batches: AsyncIterator[list[Event]]) -> AsyncGenerator[list[dict[str, Any]], None]:
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


def _message(index: int, one: Collected) -> dict[str, Any]:
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


def _messages(body: Body, model: ModelInfo) -> tuple[dict[str, Any], ...]:
    messages = body.get("messages")
    if messages is None:
        raise bad_request("Missing required parameter: 'messages'.", "messages")
    if not isinstance(messages, list):
        raise wrong_type("messages", "an array", messages)
    if not messages:
        raise bad_request("Invalid 'messages': the array is empty.", "messages")
    return tuple(_parse_message(message, index, model) for index, message in enumerate(messages))


def _parse_message(message: object, index: int, model: ModelInfo) -> dict[str, Any]:
    place = f"messages[{index}]"
    if not isinstance(message, dict):
        raise wrong_type(place, "an object", message)
    role = message.get("role")
    if role not in _ROLES:
        raise bad_request(
            f"Invalid value: {role!r}. Supported values are: {', '.join(map(repr, _ROLES))}.", f"{place}.role"
        )
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    if content is None and role != "assistant":
        raise bad_request(f"Missing required parameter: '{place}.content'.", f"{place}.content")
    if content is not None and not isinstance(content, str | list):
        raise wrong_type(f"{place}.content", "a string or an array of parts", content)
    for number, part in enumerate(parts):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise wrong_type(f"{place}.content[{number}]", "an object with a 'type'", part)
        if part["type"] == "image_url" and model.images:
            _check_image(part, f"{place}.content[{number}]")
        elif part["type"] not in ("text", "refusal"):
            raise bad_request(
                f"This model takes text only, not {part['type']!r}.", f"{place}.content[{number}].type"
            )
    if parts and all(
        part["type"] != "image_url" for part in parts
    ):  # templates are written for plain strings
        content = "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
    # Templates know 'system'; 'developer' is its newer name.
    return {**message, "role": "system" if role == "developer" else role, "content": content}


def _check_image(part: Mapping[str, Any], place: str) -> None:
    """Only what the request brings: who fetches URLs for strangers is their proxy into the network."""
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str):
        raise wrong_type(f"{place}.image_url.url", "a string", url)
    head, comma, _ = url[:200].partition(",")
    if not (comma and head.startswith("data:image/") and head.endswith(";base64")):
        raise bad_request("Images are taken as 'data:image/...;base64,' URLs only.", f"{place}.image_url.url")


def _tools(body: Body, model: ModelInfo) -> dict[str, Any]:
    tools, choice = body.get("tools"), body.get("tool_choice")
    if tools is not None and not isinstance(tools, list):
        raise wrong_type("tools", "an array", tools)
    if not tools:
        if choice not in (None, "none", "auto"):
            raise bad_request("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
        return {}
    if not isinstance(choice, str | dict | None):
        raise wrong_type("tool_choice", "a string or an object", choice)
    if len(tools) > MAX_TOOLS:
        raise bad_request(f"Invalid 'tools': {len(tools)} tools, the maximum is {MAX_TOOLS}.", "tools")
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise bad_request(
                f"Missing required parameter: 'tools[{index}].function.name'.", f"tools[{index}]"
            )
        check_schema(function, f"tools[{index}]")
    if choice == "none":
        return {}
    if not model.tools:
        raise bad_request(
            "This model does not support tools: its chat template has no place for them.", "tools"
        )
    if isinstance(choice, dict):
        # llama.cpp knows no named choice: leaving only the named tool and requiring a call comes to the same.
        name = (choice.get("function") or {}).get("name")
        tools = [tool for tool in tools if tool["function"]["name"] == name]
        if not tools:
            raise bad_request(f"Tool choice {name!r} is not among the tools.", "tool_choice")
        choice = "required"
    if choice not in (None, "auto", "required"):
        raise bad_request(
            f"Invalid value: {choice!r}. Supported are 'none', 'auto', 'required'.", "tool_choice"
        )
    return {"tools": tools, **({"tool_choice": choice} if choice else {})}


def _response_format(body: Body, model: ModelInfo) -> dict[str, Any]:
    wanted = mapping(body, "response_format")
    schema = mapping(body, "json_schema")  # llama.cpp's own spelling
    if wanted is None and schema is None:
        return {}
    kind = "json_schema" if wanted is None else wanted.get("type")
    if kind == "text":
        return {}
    if kind not in ("json_object", "json_schema"):
        raise bad_request(
            f"Invalid value: {kind!r}. Supported values are: 'text', 'json_object', 'json_schema'.",
            "response_format.type",
        )
    if not model.json_schema:
        raise bad_request("This engine cannot hold answers to JSON.", "response_format")
    if wanted is None:
        check_schema(schema or {}, "json_schema")
        return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    check_schema(wanted, "response_format")
    if kind == "json_schema":
        named = mapping(wanted, "json_schema")
        if named is None or not isinstance(named.get("schema"), dict):
            raise bad_request(
                "Missing required parameter: 'response_format.json_schema.schema'.",
                "response_format.json_schema",
            )
    return {"response_format": wanted}
