from __future__ import annotations

import contextlib
import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.templates.chat import parse_chat_template
from runtime.templates.errors import InvalidConversation, TemplateError
from runtime.templates.interpreter import Bounds

TODAY = date(2024, 5, 17)

CHATML = """\
{{- range $i, $m := .Messages -}}
<|im_start|>{{ .Role }}
{{ .Content }}{{ if or (eq .Role "user" "system") (lt $i (len (slice $.Messages 1))) }}<|im_end|>
{{ end }}
{{- end }}
{{- $last := index .Messages (len (slice .Messages 1)) }}
{{- if ne $last.Role "assistant" }}<|im_start|>assistant
{{ if and .IsThinkSet (not .Think) }}<think></think>{{ end }}{{ end }}"""

LEGACY_CHATML = """\
{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ .Response }}<|im_end|>
"""

LLAMA = """\
{{- if .System }}<|start_header_id|>system<|end_header_id|>

Today is {{ currentDate }}.
{{ .System }}<|eot_id|>
{{- end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "system" }}{{ continue }}{{ end }}<|start_header_id|>{{ .Role }}<|end_header_id|>

{{ .Content }}{{ if not (and $last (eq .Role "assistant")) }}<|eot_id|>{{ end }}
{{- if and $last (ne .Role "assistant") }}<|start_header_id|>assistant<|end_header_id|>

{{ end }}
{{- end }}"""

GEMMA = """\
<start_of_turn>user
{{ if .System }}{{ .System }} {{ end }}{{ .Prompt }}<end_of_turn>
<start_of_turn>model
{{ .Response }}<end_of_turn>
"""

MISTRAL = """\
{{- range $i, $m := .Messages }}
{{- if eq $m.Role "user" }}
{{- if and $.Tools (le (len (slice $.Messages $i)) 2) }}[AVAILABLE_TOOLS] {{ $.Tools }}[/AVAILABLE_TOOLS]{{ end -}}
[INST] {{ if and $.System (eq (len (slice $.Messages $i)) 1) }}{{ $.System }}

{{ end }}{{ .Content }}[/INST]
{{- else if eq .Role "assistant" }}
{{- if .Content }} {{ .Content }}</s>
{{- else if .ToolCalls }}[TOOL_CALLS] [
{{- range $j, $_ := .ToolCalls }}{{ if $j }}, {{ end -}}
{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
{{- end }}]</s>
{{- end }}
{{- else if eq .Role "tool" }}[TOOL_RESULTS] {"content": {{ json .Content }}, "of": {{ .ToolName | printf "%q" }}}[/TOOL_RESULTS]
{{- end }}
{{- end }}"""  # noqa: E501

SIGNATURES = """\
{{ range .Tools }}{{ with .Function }}{{ .Name }}(
{{- range $name, $property := .Parameters.Properties }}{{ $name }}: {{ toTypeScriptType $property }};
{{- end }}) // {{ .Description }}
{{ end }}{{ end }}{{ range .Messages }}{{ .Role }}> {{ .Content }}
{{ end }}"""

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "adds",
        "parameters": {
            "type": "object",
            "properties": {"y": {"type": ["integer", "null"]}, "x": {"type": "integer"}},
            "required": ["x"],
        },
    },
}
ADD_JSON = (
    '{"type":"function","function":{"name":"add","description":"adds","parameters":{"type":"object",'
    '"required":["x"],"properties":{"x":{"type":"integer"},"y":{"type":["integer","null"]}}}}}'
)

TURN = "{{ .System }}>{{ .Prompt }}:{{ .Response }};"
SYSTEM, HELLO, HI, MORE = ("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi!"), ("user", "More")


def _messages(*turns: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in turns]


def _render(text: str, *turns: tuple[str, str], think: bool | None = None) -> str:
    return parse_chat_template(text).render(_messages(*turns), today=TODAY, think=think)


@pytest.mark.parametrize("template", [CHATML, LEGACY_CHATML])
def test_chatml_in_both_styles(template: str) -> None:
    assert _render(template, SYSTEM, HELLO, HI, MORE) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\nHi!<|im_end|>\n"
        "<|im_start|>user\nMore<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert _render(template, HELLO, ("user", "Still there?"), HI) == (
        "<|im_start|>user\nHello\n\nStill there?<|im_end|>\n<|im_start|>assistant\nHi!"
    )


@pytest.mark.parametrize(("think", "ending"), [(None, ""), (True, ""), (False, "<think></think>")])
def test_thinking_is_known_as_asked_for(think: bool | None, ending: str) -> None:
    prompt = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n" + ending
    assert _render(CHATML, HELLO, think=think) == prompt


def test_llama() -> None:
    assert _render(LLAMA, SYSTEM, HELLO, HI, ("system", "In verse."), MORE) == (
        "<|start_header_id|>system<|end_header_id|>\n\nToday is 2024-05-17.\nBe brief.\n\nIn verse.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nHi!<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nMore<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert _render(LLAMA, HELLO, HI).endswith("<|end_header_id|>\n\nHi!")


def test_gemma() -> None:
    assert _render(GEMMA, SYSTEM, HELLO, HI, MORE) == (
        "<start_of_turn>user\nBe brief. Hello<end_of_turn>\n<start_of_turn>model\nHi!<end_of_turn>\n"
        "<start_of_turn>user\nMore<end_of_turn>\n<start_of_turn>model\n"
    )


def test_mistral() -> None:
    assert _render(MISTRAL, SYSTEM, HELLO, HI, MORE) == (
        "[INST] Hello[/INST] Hi!</s>[INST] Be brief.\n\nMore[/INST]"
    )


def test_mistral_with_tools() -> None:
    function = {"name": "add", "arguments": '{"y": 3, "x": "<"}'}
    messages = [
        *_messages(HELLO),
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": function}] * 2},
        {"role": "tool", "content": 'say "5"', "tool_call_id": "c1"},
        *_messages(("assistant", "5"), MORE),
    ]
    template = parse_chat_template(MISTRAL)
    called = r'{"name": "add", "arguments": {"x":"\u003c","y":3}}'
    assert template.render(messages, [ADD], today=TODAY) == (
        f"[INST] Hello[/INST][TOOL_CALLS] [{called}, {called}]</s>"
        r'[TOOL_RESULTS] {"content": "say \"5\"", "of": "add"}[/TOOL_RESULTS]'
        f" 5</s>[AVAILABLE_TOOLS] [{ADD_JSON}][/AVAILABLE_TOOLS][INST] More[/INST]"
    )


def test_tools_as_signatures() -> None:
    prompt = parse_chat_template(SIGNATURES).render(_messages(HELLO), [ADD], today=TODAY)
    assert prompt == "add(x: number;y: number | null;) // adds\nuser> Hello\n"


@pytest.mark.parametrize(
    ("text", "turns", "prompt"),
    [
        ("{{ .Prompt }}|", (HELLO, HI, MORE), "Hello|Hi!More|"),
        ("plain", (HELLO, HI), "plainHi!"),
        ("{{ .Response }}", (HELLO,), ""),
        ("{{ .Prompt }}{{ if .Response }}={{ .Response }};{{ end }};", (HELLO, HI, MORE), "Hello=Hi!;;More"),
        ("{{ .Prompt }}[{{ with .Prompt }}{{ $.Response }}]{{ end }}]", (HELLO,), "Hello["),
        ("{{ if .Prompt }}{{ .Prompt }}:{{ .Response }};{{ else }}-{{ end }};", (HELLO,), "Hello:"),
        (TURN, (SYSTEM, HELLO, HI, MORE), "Be brief.>Hello:Hi!;>More:"),
        (TURN, (HELLO, SYSTEM, MORE), ">Hello:;Be brief.>More:"),
        (TURN, (HELLO, ("tool", "5")), ">Hello:"),
        ("{{ if .Messages }}{{ len .Messages }}{{ else }}{{ .Prompt }}{{ end }}", (SYSTEM, HELLO), "2"),
        ("{{ .Suffix }}{{ .Nothing }}{{ .ThinkLevel }}{{ .Prompt }}", (HELLO,), "Hello"),
        ("{{ .Prompt }}", (("user", "a\ud800b"),), "a\ufffdb"),
    ],
)  # fmt: skip
def test_turns(text: str, turns: tuple[tuple[str, str], ...], prompt: str) -> None:
    assert _render(text, *turns) == prompt


def test_what_is_wrong_is_said_with_its_place() -> None:
    with pytest.raises(TemplateError, match="template:2: no function 'foo'"):
        parse_chat_template("\n{{ foo }}")
    with pytest.raises(TemplateError, match="template:1: string has no field X"):
        _render("{{ range .Messages }}{{ .Content.X }}{{ end }}", HELLO)
    with pytest.raises(InvalidConversation, match=r"messages\[0\].role is missing"):
        _render("{{ .Prompt }}", ("", "Hello"))


def test_turns_share_the_bounds() -> None:
    template = parse_chat_template("{{ range 100 }}x{{ end }}{{ .Response }}")
    bounds = Bounds(output_bytes=1 << 20, steps=1000)
    assert len(template.render(_messages(HELLO), today=TODAY, bounds=bounds)) == 100
    with pytest.raises(TemplateError, match="more than 1000 steps"):
        template.render(_messages(*[HELLO, HI] * 20), today=TODAY, bounds=bounds)


QUICK = settings(max_examples=100, deadline=None)
TEMPLATES = st.sampled_from([CHATML, LEGACY_CHATML, LLAMA, GEMMA, MISTRAL, SIGNATURES])
PIECES = st.sampled_from(
    [
        "{{", "}}", "{{ end }}", "{{ else }}", "{{ .Messages }}", "{{ range 99999999 }}", ".Tools", "$", "|",
        "(", ")", '"', "`", "-", " ", " 9 ", "{{ json $ }}", "{{ break }}", '{{ define "t" }}',
        '{{ template "t" . }}', "index ",
    ]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TOOL_CALL = st.fixed_dictionaries({"function": st.fixed_dictionaries({"name": st.text(), "arguments": JSON})})
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": st.text() | JSON,
        "tool_calls": st.lists(TOOL_CALL, max_size=2) | JSON,
        "name": JSON,
    },
)
TOOL = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": st.text(min_size=1), "parameters": st.just({}) | JSON})}
)
SMALL = Bounds(output_bytes=1 << 16, steps=2000)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    text = draw(TEMPLATES)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 20))
        text = text[:start] + draw(PIECES | st.just("")) + text[end:]
    return text


@QUICK
@given(st.text() | st.lists(PIECES).map("".join) | _mutated())
def test_any_text_is_a_template_or_one_error(text: str) -> None:
    with contextlib.suppress(TemplateError):
        prompt = parse_chat_template(text).render(
            _messages(HELLO, HI, MORE), [ADD], today=TODAY, bounds=SMALL
        )
        prompt.encode()


@QUICK
@given(TEMPLATES, st.lists(MESSAGE | JSON, max_size=4), st.lists(TOOL | JSON, max_size=2))
def test_any_conversation_is_a_prompt_or_one_error(
    template: str, messages: list[Any], tools: list[Any]
) -> None:
    with contextlib.suppress(InvalidConversation, TemplateError):
        parse_chat_template(template).render(messages, tools, today=TODAY, bounds=SMALL).encode()


@pytest.mark.parametrize(
    "text",
    [
        "{{ range 999999999999 }}{{ end }}",
        "{{ $x := .Prompt }}{{ range 9999 }}{{ $x = print $x $x }}{{ end }}",
        "{{ range 999999999 }}{{ printf `%1000d` 1 }}{{ end }}",
    ],
)
def test_a_template_without_end_is_stopped(text: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateError, match="more than"):
        _render(text, HELLO)
    assert time.process_time() - began < 5  # about 1 s; instruments and a busy machine take their part
