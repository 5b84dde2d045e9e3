"""What an image adds to requests, and what requests have over it."""

from __future__ import annotations

from datetime import date

import pytest

from runtime.engine.interface import Generation
from runtime.openai.preset import Preset
from runtime.templates.chat import parse_chat_template
from runtime.templates.errors import InvalidConversation

USER = {"role": "user", "content": "hi"}
SYSTEM = {"role": "system", "content": "be brief"}
SHOT = ({"role": "user", "content": "1+1"}, {"role": "assistant", "content": "2"})


@pytest.mark.parametrize(
    ("preset", "messages", "seen"),
    [
        (Preset(), (USER,), (USER,)),
        (Preset(system="be brief"), (USER,), (SYSTEM, USER)),
        (Preset(system="be long"), (SYSTEM, USER), (SYSTEM, USER)),
        (Preset(system="be long"), (USER, SYSTEM), (USER, SYSTEM)),
        (Preset(messages=SHOT), (USER,), (*SHOT, USER)),
        (Preset(messages=SHOT), (SYSTEM, USER), (SYSTEM, *SHOT, USER)),
        (Preset(system="be brief", messages=SHOT), (USER,), (SYSTEM, *SHOT, USER)),
    ],
)
def test_messages(preset: Preset, messages: tuple[dict[str, str], ...], seen: object) -> None:
    assert preset.apply_chat(Generation(messages=messages)).messages == seen


def test_a_request_wins_but_stop_words_add_up() -> None:
    preset = Preset({"temperature": 0.1, "top_k": 7}, stop=("<end>", "\n\n"))
    asked = Generation(messages=(USER,), options={"temperature": 1, "stop": ["x", "<end>"]})
    assert preset.apply_chat(asked).options == {
        "temperature": 1,
        "top_k": 7,
        "stop": ["x", "<end>", "\n\n"],
    }
    raw = preset.apply_completion(Generation(prompt="Once", choices=2))
    assert (raw.prompt, raw.choices) == ("Once", 2)
    assert raw.options == {"temperature": 0.1, "top_k": 7, "stop": ["<end>", "\n\n"]}


def test_nothing_adds_nothing() -> None:
    generation = Generation(messages=(USER,), options={"seed": 1})
    assert Preset().apply_chat(generation) == generation


GO = parse_chat_template(
    "{{ range .Messages }}<{{ .Role }}>{{ .Content }}{{ end }}"
    "{{ if .Think }}<think>{{ end }}{{ currentDate }}"
)


def test_a_go_template_makes_the_prompt() -> None:
    preset = Preset({"top_k": 7}, ("<",), "be brief", SHOT, GO, lambda: date(2020, 1, 2))
    schema = {"type": "string"}
    asked = {
        "logprobs": True,
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
        "chat_template_kwargs": {"enable_thinking": True},
    }
    found = preset.apply_chat(Generation(messages=(USER,), choices=2, options=asked))
    assert found.messages is None
    assert found.prompt == "<system>be brief<user>1+1<assistant>2<user>hi<think>2020-01-02"
    assert found.choices == 2
    assert found.options == {"top_k": 7, "stop": ["<"], "logprobs": True, "json_schema": schema}
    anything = preset.apply_chat(
        Generation(messages=(USER,), options={"response_format": {"type": "json_object"}})
    )
    assert anything.options["json_schema"] == {"type": "object"}


def test_tools_keep_the_models_own_template() -> None:
    found = Preset(template=GO).apply_chat(Generation(messages=(USER,), options={"tools": [{}]}))
    assert found.messages == (USER,)
    seeing = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}
    assert Preset(template=GO).apply_chat(Generation(messages=(seeing,))).messages == (seeing,)
    with pytest.raises(InvalidConversation):
        Preset(template=GO).apply_chat(Generation(messages=({"role": "nobody", "content": 3},)))
    assert "T" not in str(Preset().today())
