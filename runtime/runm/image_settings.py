"""What a model's folder says, in the words of the server: for each request, and for the load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runtime.openai.preset import Preset
from runtime.runm.model_folder import ModelFolder

_WITHOUT_EFFECT = ("main_gpu", "use_mmap", "draft_num_predict")


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What the image asks for; options of the command line go first."""

    context_tokens: int
    """Per slot; 0 when it does not say."""
    batch_tokens: int
    threads: int
    """0 when it does not say."""
    gpu_layers: int
    """-1: as many as fit."""


def load_settings(folder: ModelFolder) -> LoadSettings:
    """The parameters that are for the load."""

    def number(name: str) -> int:
        value = folder.parameters.get(name)
        return value if isinstance(value, int) else 0

    return LoadSettings(
        number("num_ctx"), number("num_batch"), number("num_thread"), max(-1, number("num_gpu"))
    )


def preset_of(folder: ModelFolder) -> Preset:
    """The rest of them, with all that shapes a conversation."""
    options = folder.parameters.request_defaults()
    stop = tuple(options.pop("stop", ()))
    return Preset(options, stop, folder.system, folder.messages, folder.template)


def warnings(folder: ModelFolder) -> Iterator[str]:
    """One line for each thing that has no effect."""
    yield from folder.parameters.warnings
    for name in _WITHOUT_EFFECT:
        if name in folder.parameters.values:
            yield f"the image's parameter {name!r} has no effect here"
