"""What an image adds to requests, and what requests have over it."""

from __future__ import annotations

import pytest

from runtime.engine.interface import Generation
from runtime.openai.preset import Preset

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
