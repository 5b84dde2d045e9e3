from __future__ import annotations

from runtime.images.parameters import Parameters, Value
from runtime.openai.preset import Preset
from runtime.runm.image_settings import LoadSettings, load_settings, preset_of, warnings
from runtime.runm.model_folder import ModelFolder
from runtime.templates.chat import parse_chat_template


def test_parameters_go_to_the_load_or_to_each_request() -> None:
    values: dict[str, Value] = {
        "num_ctx": 2048,
        "num_gpu": -5,
        "num_thread": 3,
        "stop": ("a",),
        "seed": -1,
        "top_k": 4,
    }
    folder = ModelFolder(None, parameters=Parameters(values), system="be brief", messages=({"role": "user"},))
    assert load_settings(folder) == LoadSettings(2048, 512, 3, -1)
    expected = Preset({"seed": 0xFFFFFFFF, "top_k": 4}, ("a",), "be brief", ({"role": "user"},))
    assert preset_of(folder) == expected
    template = parse_chat_template("{{ .Prompt }}")
    assert preset_of(ModelFolder(None, template=template)).template is template


def test_an_image_that_says_nothing() -> None:
    assert load_settings(ModelFolder(None)) == LoadSettings(0, 512, 0, -1)
    assert preset_of(ModelFolder(None)) == Preset()
    assert not list(warnings(ModelFolder(None)))


def test_what_has_no_effect_is_said() -> None:
    parameters = Parameters({"use_mmap": False}, ("parameter 'x' is not known",))
    assert list(warnings(ModelFolder(None, parameters=parameters))) == [
        "parameter 'x' is not known", "the image's parameter 'use_mmap' has no effect here",
    ]  # fmt: skip
