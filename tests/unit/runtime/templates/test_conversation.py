from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from runtime.templates.conversation import Message, read_messages, read_tools, system_text
from runtime.templates.errors import InvalidConversation
from runtime.templates.values import Record, emit_json, emit_value, field_of


def _path(value: object, *names: str) -> Any:
    for name in names:
        value = field_of(value, name)
    return value


def _call(name: str = "f", arguments: object = "{}", **more: object) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}, **more}


def _tool(**parameters: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "description": "d", "parameters": parameters}}


def _nested(key: str, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(depth):
        made = {key: made}
    return made


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"role": "user", "content": "a"}, Message("user", "a")),
        ({"role": "user"}, Message("user")),
        ({"role": "assistant", "content": None}, Message("assistant")),
        ({"role": "developer", "content": "a"}, Message("system", "a")),
        ({"role": "control", "content": "a", "name": "me"}, Message("control", "a")),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            Message("user", "a\n\nb"),
        ),
        ({"role": "assistant", "content": "a", "reasoning_content": "t"}, Message("assistant", "a", "t")),
        (
            {"role": "tool", "content": "4", "name": "f", "tool_call_id": "1"},
            Message("tool", "4", tool_name="f", tool_call_id="1"),
        ),
    ],
)
def test_one_message(message: dict[str, Any], read: Message) -> None:
    assert read_messages([message]) == (read,)


def test_neighbours_of_one_role_are_joined_but_not_those_of_tools() -> None:
    texts = [("system", "a"), ("system", "b"), ("user", "c"), ("tool", "d"), ("tool", "e"), ("user", "f")]
    texts += [("user", ""), ("user", "g"), ("system", "h")]
    messages = read_messages([{"role": role, "content": text} for role, text in texts])
    assert [(message.role, message.content) for message in messages] == [
        ("system", "a\n\nb"),
        ("user", "c"),
        ("tool", "d"),
        ("tool", "e"),
        ("user", "f\n\ng"),
        ("system", "h"),
    ]
    assert system_text(messages) == "a\n\nb\n\nh"


def test_calls_of_tools() -> None:
    asked, answered, unknown = read_messages(
        [
            {
                "role": "assistant",
                "tool_calls": [_call("add", '{"y": 2, "x": [1]}', id="c1"), _call("now", "")],
            },
            {"role": "tool", "content": "3", "tool_call_id": "c1"},
            {"role": "tool", "content": "?", "tool_call_id": "c2"},
        ]
    )
    first, second = asked.tool_calls
    assert _path(first, "Function", "Name") == "add"
    assert emit_value(_path(first, "Function", "Arguments")) == '{"x":[1],"y":2}'
    assert emit_json(first) == '{"id":"c1","function":{"index":0,"name":"add","arguments":{"x":[1],"y":2}}}'
    assert emit_json(second) == '{"function":{"index":1,"name":"now","arguments":{}}}'
    assert (answered.tool_name, unknown.tool_name) == ("add", "")


def test_calls_of_neighbours_are_kept() -> None:
    (message,) = read_messages([{"role": "assistant", "tool_calls": [_call(name)]} for name in "ab"])
    assert [_path(call, "Function", "Name") for call in message.tool_calls] == ["a", "b"]


def test_a_message_under_the_names_of_templates() -> None:
    record = Message("tool", "4", "t", tool_name="f", tool_call_id="1").record()
    names = ("Role", "Content", "Thinking", "Images", "ToolCalls", "ToolName", "ToolCallID")
    assert [_path(record, name) for name in names] == ["tool", "4", "t", (), (), "f", "1"]
    assert emit_json(Message("user").record()) == '{"role":"user","content":""}'


@pytest.mark.parametrize(
    ("tool", "json"),
    [
        (
            {"function": {"name": "f"}},
            '{"type":"function","function":{"name":"f","description":"",'
            '"parameters":{"type":"object","properties":{}}}}',
        ),
        (
            _tool(
                properties={
                    "b": {"enum": [1, "x"], "description": "<", "type": "string", "minLength": 1},
                    "a": {"items": {"type": "number"}, "type": ["array", "null"]},
                },
                required=["b"],
                type="object",
                additionalProperties=False,
            ),
            '{"type":"function","function":{"name":"f","description":"d",'
            '"parameters":{"type":"object","required":["b"],"properties":{'
            '"a":{"type":["array","null"],"items":{"type":"number"}},'
            r'"b":{"type":"string","description":"\u003c","enum":[1,"x"]}}}}}',
        ),
        (
            _tool(
                **{"properties": {"a": {"anyOf": [{"type": "null"}, {"properties": {"b": {}}}]}}, "$defs": {}}
            ),
            '{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object",'
            '"$defs":{},"properties":{"a":{"anyOf":[{"type":"null"},{"properties":{"b":{}}}]}}}}}',
        ),
    ],
)
def test_tools_print_in_the_order_of_ollamas_structs(tool: dict[str, Any], json: str) -> None:
    assert [emit_value(record) for record in read_tools([tool])] == [json]
    assert emit_value(read_tools([tool, tool])) == f"[{json},{json}]"


def test_a_tool_under_the_names_of_templates() -> None:
    (tool,) = read_tools([_tool(properties={"a": {"type": "integer"}}, required=["a"])])
    assert _path(tool, "Type") == "function"
    assert [_path(tool, "Function", name) for name in ("Name", "Description")] == ["f", "d"]
    parameters = _path(tool, "Function", "Parameters")
    assert isinstance(parameters, Record)
    assert [_path(parameters, name) for name in ("Type", "Required")] == ["object", ("a",)]
    assert _path(parameters, "Properties", "a", "Type") == "integer"


def test_the_deepest_schema_prints() -> None:
    schema: Mapping[str, Any] = {"items": _nested("a", 30)}
    for _ in range(10):
        schema = {"properties": {"a": schema}}
    (tool,) = read_tools([_tool(properties={"a": schema})])
    assert emit_value(tool).count('"a"') == 41


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (5, "messages[0] is no object but a number"),
        ({"content": "a"}, "messages[0].role is missing; write system, user, assistant or tool"),
        ({"role": 5}, "messages[0].role is no text but a number"),
        ({"role": "user", "content": 5}, "messages[0].content is no list but a number"),
        ({"role": "user", "content": ["a"]}, "messages[0].content[0] is no object but a text"),
        (
            {"role": "user", "content": [{"type": "image_url"}]},
            "messages[0].content[0] is 'image_url'; a template takes parts of type 'text' alone",
        ),
        ({"role": "assistant", "tool_calls": {}}, "messages[0].tool_calls is no list but an object"),
        (
            {"role": "assistant", "tool_calls": [{"id": "a"}]},
            "messages[0].tool_calls[0].function is no object but null",
        ),
        (
            {"role": "assistant", "tool_calls": [_call("")]},
            "messages[0].tool_calls[0].function.name is missing",
        ),
        *(
            (
                {"role": "assistant", "tool_calls": [_call("f", given)]},
                f"messages[0].tool_calls[0].function.arguments {error}",
            )
            for given, error in [
                ("{", "is no JSON text"),
                ("[" * 100_000, "is no JSON text"),
                ("[]", "is no object but a list"),
                ("true", "is no object but a boolean"),
                ('{"a": NaN}', "has a float that JSON does not have"),
                ('{"a": 1' + "0" * 500 + "}", "has a int that JSON does not have"),
                (_nested("a", 40), "is more than 30 levels deep"),
            ]
        ),
    ],
    ids=range(16),
)  # fmt: skip
def test_messages_that_are_refused(message: Any, error: str) -> None:
    with pytest.raises(InvalidConversation) as caught:
        read_messages([message])
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("tools", "error"),
    [
        ({}, "tools is no list but an object"),
        ([None], "tools[0] is no object but null"),
        ([{"type": "function"}], "tools[0].function is no object but null"),
        ([{"function": {}}], "tools[0].function.name is missing"),
        ([_tool(properties=[])], "tools[0].function.parameters.properties is no object but a list"),
        ([_tool(required="a")], "tools[0].function.parameters.required is no list but a text"),
        ([_tool(items={5: 5})], "tools[0].function.parameters.items is no text but a number"),
        (
            [_tool(properties={"\n": 5})],
            "tools[0].function.parameters.properties.  is no object but a number",
        ),
    ],
)  # fmt: skip
def test_tools_that_are_refused(tools: Any, error: str) -> None:
    with pytest.raises(InvalidConversation) as caught:
        read_tools(tools)
    assert str(caught.value) == error


def test_properties_without_end_are_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(12):
        schema = {"properties": {"a": schema}}
    with pytest.raises(InvalidConversation, match="is more than 10 levels deep"):
        read_tools([_tool(**schema)])


def test_no_messages_are_refused() -> None:
    with pytest.raises(InvalidConversation, match="there are none"):
        read_messages([])
