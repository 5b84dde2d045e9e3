"""The body of POST /v1/chat/completions into a request of the engine; ApiError for what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.engine.interface import Generation, ModelInfo
from runtime.openai.errors import bad_request
from runtime.openai.fields import Body, boolean, integer, mapping, sampling_options, wrong_type
from runtime.openai.grammars import MAX_TOOLS, check_schema

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_EXTRAS = ("chat_template_kwargs", "reasoning_effort", "reasoning_format")


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
    if parts and all(part["type"] != "image_url" for part in parts):  # templates take plain strings
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
