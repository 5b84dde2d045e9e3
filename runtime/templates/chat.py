"""The prompt that a model's Go template makes of a conversation, as Ollama makes it.

A template that names `.Messages` is run once. An older one, of `.Prompt` and `.Response`, is run once for
each turn, and the last time it ends behind `.Response`, where the model goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from runtime.templates.conversation import Message, read_messages, read_tools, system_text
from runtime.templates.functions import Functions
from runtime.templates.interpreter import DEFAULT_BOUNDS, Bounds, Meter, execute
from runtime.templates.parser import parse_template
from runtime.templates.syntax import (
    Action,
    Command,
    Field,
    If,
    Node,
    Pipe,
    Range,
    Template,
    With,
    field_names,
    pipe_names,
)
from runtime.templates.values import Value

_RESPONSE = "Response"
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A template, ready for any number of conversations."""

    _template: Template
    _names: frozenset[str]

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        *,
        today: date,
        think: bool | None = None,
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> str:
        """The prompt for OpenAI's `messages` and `tools`; InvalidConversation, TemplateError.

        `think` is None where the client does not say. In a conversation whose last message is the
        assistant's, an older template ends with that message, for the model to go on with.
        """
        conversation = read_messages(messages)
        known = read_tools(tools)
        common = {"Think": bool(think), "ThinkLevel": "", "IsThinkSet": think is not None}
        functions, meter = Functions(today), Meter(bounds)
        if "Messages" in self._names:
            data: dict[str, Value] = {
                "System": system_text(conversation),
                "Messages": [message.record() for message in conversation],
                "Tools": known,
                _RESPONSE: "",
            }
            prompt = execute(self._template, data | common, functions, meter)
        else:
            *whole, last = _turns(conversation)
            parts = [execute(self._template, turn | common, functions, meter) for turn in whole]
            ending = replace(self._template, body=_cut(self._template.body)[0])
            prompt = "".join((*parts, execute(ending, last | common, functions, meter)))
        return _SURROGATES.sub("\ufffd", prompt)  # halves of characters, which JSON can hold but no UTF-8


def parse_chat_template(text: str) -> ChatTemplate:
    """The template of a model's image; TemplateError."""
    template = parse_template(text)
    names = field_names(template)
    if names.isdisjoint(("Messages", _RESPONSE)):
        answer = Action(Pipe((Command((Field((_RESPONSE,)),), 1),)))
        template = replace(template, body=(*template.body, answer))
    return ChatTemplate(template, names)


def _turns(messages: Sequence[Message]) -> Iterator[dict[str, Value]]:
    """The variables of each turn; the last is the one to answer. Other roles have no place in one."""
    system = prompt = response = ""
    for message in messages:
        match message.role:
            case "system":
                if prompt or response:
                    yield {"System": system, "Prompt": prompt, _RESPONSE: response}
                    prompt = response = ""
                system = message.content
            case "user":
                if response:
                    yield {"System": system, "Prompt": prompt, _RESPONSE: response}
                    system = response = ""
                prompt = message.content
            case "assistant":
                response = message.content
    yield {"System": system, "Prompt": prompt, _RESPONSE: response}


def _cut(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], bool]:
    """`nodes` up to the action that prints the response, and whether there is one."""
    kept: list[Node] = []
    for node in nodes:
        found = False
        match node:
            case Action(pipe):
                found = _RESPONSE in pipe_names(pipe)
            case If(_, body, otherwise) | With(_, body, otherwise) | Range(_, body, otherwise):
                body, in_body = _cut(body)
                otherwise, in_otherwise = _cut(otherwise)
                found = in_body or in_otherwise
                node = replace(node, body=body, otherwise=otherwise)
        kept.append(node)
        if found:
            return tuple(kept), True
    return tuple(kept), False
