"""A client's messages and tools, in OpenAI's JSON shapes, as the Go values that Ollama's templates know.

A template sees of a tool what Ollama's structs have, in their order; other keywords of JSON Schema are left
out, as the models were tuned without them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from runtime.templates.errors import InvalidConversation
from runtime.templates.values import JsonMap, Record, Value

_DEEPEST = 30  # levels of arguments, or of a schema's keyword
_DEEPEST_PROPERTY = 10  # within one another; each is two levels, and values.py prints 80 in all
_LARGEST = 10**400  # above it Go reads no number, and Python does not print every one
_BLANK_LINE = "\n\n"


@dataclass(frozen=True, slots=True)
class Message:
    """One message, or neighbours of one role together."""

    role: str
    content: str = ""
    thinking: str = ""
    tool_calls: tuple[Record, ...] = ()
    tool_name: str = ""
    tool_call_id: str = ""

    def record(self) -> Record:
        """Under the names that templates use."""
        json = {
            "role": self.role,
            "content": self.content,
            "thinking": self.thinking,
            "tool_calls": self.tool_calls,
            "tool_name": self.tool_name,
            "tool_call_id": self.tool_call_id,
        }
        fields = {
            "Role": self.role,
            "Content": self.content,
            "Thinking": self.thinking,
            "Images": (),
            "ToolCalls": self.tool_calls,
            "ToolName": self.tool_name,
            "ToolCallID": self.tool_call_id,
        }
        return Record(
            fields, {key: value for key, value in json.items() if value or key in ("role", "content")}
        )


def read_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """OpenAI's messages, neighbours of one role joined; InvalidConversation.

    Messages of tools stay apart, as each answers another call.
    """
    groups: list[list[Message]] = []
    names: dict[str, str] = {}  # of the functions called, by their calls' ids
    for index, message in enumerate(_list(messages, "messages")):
        place = f"messages[{index}]"
        one = _message(_map(message, place), names, place)
        if groups and groups[-1][0].role == one.role != "tool":
            groups[-1].append(one)
        else:
            groups.append([one])
    if not groups:
        raise InvalidConversation("messages: there are none; send one at least")
    return tuple(map(_joined, groups))


def system_text(messages: Sequence[Message]) -> str:
    """What all of the system's messages say."""
    return _BLANK_LINE.join(message.content for message in messages if message.role == "system")


def read_tools(tools: Sequence[Mapping[str, Any]]) -> tuple[Record, ...]:
    """OpenAI's tools; InvalidConversation."""
    return tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(_list(tools, "tools")))


def _joined(group: Sequence[Message]) -> Message:
    return replace(
        group[0],
        content=_BLANK_LINE.join(message.content for message in group if message.content),
        thinking=_BLANK_LINE.join(message.thinking for message in group if message.thinking),
        tool_calls=tuple(call for message in group for call in message.tool_calls),
    )


def _message(message: Mapping[str, Any], names: dict[str, str], place: str) -> Message:
    role = _text(message.get("role"), f"{place}.role")
    if not role:
        raise _error(f"{place}.role", "is missing; write system, user, assistant or tool")
    calls = tuple(
        _tool_call(_map(call, f"{place}.tool_calls[{index}]"), index, names, f"{place}.tool_calls[{index}]")
        for index, call in enumerate(_list(message.get("tool_calls"), f"{place}.tool_calls"))
    )
    call_id = _text(message.get("tool_call_id"), f"{place}.tool_call_id")
    name = _text(message.get("name"), f"{place}.name") if role == "tool" else ""
    thinking = message.get("reasoning_content", message.get("reasoning"))
    return Message(
        role="system" if role == "developer" else role,  # OpenAI's later name for it
        content=_content(message.get("content"), f"{place}.content"),
        thinking=_text(thinking, f"{place}.reasoning_content"),
        tool_calls=calls,
        tool_name=name or names.get(call_id, ""),
        tool_call_id=call_id,
    )


def _content(content: object, place: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts: list[str] = []
    for index, part in enumerate(_list(content, place)):
        there = f"{place}[{index}]"
        kind = _map(part, there).get("type")
        if kind != "text":
            raise _error(there, f"is {str(kind)[:40]!r}; a template takes parts of type 'text' alone")
        texts.append(_text(part.get("text"), f"{there}.text"))
    return _BLANK_LINE.join(texts)


def _tool_call(call: Mapping[str, Any], index: int, names: dict[str, str], place: str) -> Record:
    function = _map(call.get("function"), f"{place}.function")
    name = _text(function.get("name"), f"{place}.function.name")
    if not name:
        raise _error(f"{place}.function.name", "is missing")
    arguments = _arguments(function.get("arguments"), f"{place}.function.arguments")
    call_id = _text(call.get("id"), f"{place}.id")
    if call_id:
        names[call_id] = name
    made = Record(
        {"Index": index, "Name": name, "Arguments": arguments},
        {"index": index, "name": name, "arguments": arguments},
    )
    return Record(
        {"ID": call_id, "Function": made},
        {"id": call_id, "function": made} if call_id else {"function": made},
    )


def _arguments(arguments: object, place: str) -> JsonMap:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            raise _error(place, "is no JSON text") from None
    return JsonMap(_plain(_map({} if arguments is None else arguments, place), place))


def _tool(tool: object, place: str) -> Record:
    whole = _map(tool, place)
    kind = _text(whole.get("type"), f"{place}.type") or "function"
    there = f"{place}.function"
    function = _map(whole.get("function"), there)
    name = _text(function.get("name"), f"{there}.name")
    if not name:
        raise _error(f"{there}.name", "is missing")
    description = _text(function.get("description"), f"{there}.description")
    parameters = _parameters(function.get("parameters"), f"{there}.parameters")
    made = Record(
        {"Name": name, "Description": description, "Parameters": parameters},
        {"name": name, "description": description, "parameters": parameters},
    )
    items = _plain(whole.get("items"), f"{place}.items")
    return Record(
        {"Type": kind, "Items": items, "Function": made},
        {"type": kind} | ({} if items is None else {"items": items}) | {"function": made},
    )


def _parameters(schema: object, place: str) -> Record:
    """deviation: a function without any takes an object without properties, where Ollama prints null."""
    given = _map({} if schema is None else schema, place)
    fields = {
        "Type": _text(given.get("type"), f"{place}.type") or "object",
        "Defs": _plain(given.get("$defs"), f"{place}.$defs"),
        "Items": _plain(given.get("items"), f"{place}.items"),
        "Required": _texts(given.get("required"), f"{place}.required"),
        "Properties": _properties(given.get("properties"), f"{place}.properties", 0) or JsonMap(),
    }
    return _struct(fields, {"Defs": "$defs"}, always=("Type", "Properties"))


def _properties(properties: object, place: str, depth: int) -> JsonMap | None:
    if properties is None:
        return None
    return JsonMap(
        (_text(name, place), _property(item, f"{place}.{str(name)[:40]}", depth))
        for name, item in _map(properties, place).items()
    )


def _property(schema: object, place: str, depth: int) -> Record:
    if depth > _DEEPEST_PROPERTY:
        raise _error(place, f"is more than {_DEEPEST_PROPERTY} levels deep")
    given = _map(schema, place)
    kinds = given.get("type")
    alternatives = _list(given.get("anyOf"), f"{place}.anyOf")
    fields = {
        "AnyOf": tuple(
            _property(one, f"{place}.anyOf[{index}]", depth + 1) for index, one in enumerate(alternatives)
        ),
        "Type": kinds if isinstance(kinds, str) else _texts(kinds, f"{place}.type"),
        "Items": _plain(given.get("items"), f"{place}.items"),
        "Description": _text(given.get("description"), f"{place}.description"),
        "Enum": _plain(_list(given.get("enum"), f"{place}.enum"), f"{place}.enum"),
        "Properties": _properties(given.get("properties"), f"{place}.properties", depth + 1),
        "Required": _texts(given.get("required"), f"{place}.required"),
    }
    return _struct(fields, {"AnyOf": "anyOf"})


def _struct(fields: Mapping[str, Value], names: Mapping[str, str], always: Sequence[str] = ()) -> Record:
    """In its JSON the fields' names begin small, and what is empty is left out unless it is of `always`."""
    return Record(
        fields,
        {
            names.get(key, key.lower()): value
            for key, value in fields.items()
            if key in always or (value is not None and value not in ("", (), []))
        },
    )


def _plain(value: object, place: str, depth: int = 0) -> Value:
    """Anything that is JSON; what could not be printed is refused here, where it has a name."""
    if depth > _DEEPEST:
        raise _error(place, f"is more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        return {_text(key, place): _plain(item, place, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, place, depth + 1) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    if abs(value) < _LARGEST if isinstance(value, int) else isinstance(value, float) and isfinite(value):
        return value
    raise _error(place, f"has a {type(value).__name__} that JSON does not have")


def _map(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _error(place, f"is no object but {_kind(value)}")
    return value


def _list(value: object, place: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise _error(place, f"is no list but {_kind(value)}")
    return value


def _text(value: object, place: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _error(place, f"is no text but {_kind(value)}")
    return value


def _texts(value: object, place: str) -> tuple[str, ...]:
    return tuple(_text(item, f"{place}[{index}]") for index, item in enumerate(_list(value, place)))


def _kind(value: object) -> str:
    """A type, in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "an object" if isinstance(value, Mapping) else "a list"


def _error(place: str, reason: str) -> InvalidConversation:
    return InvalidConversation(f"{place[:200]} {reason}".replace("\n", " "))
