"""A folder with a model and what belongs to it, as a snapshot of an image shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bronzewillow.host.parsing import parse_json
from runtime.images.errors import InvalidParameters
from runtime.images.parameters import NO_PARAMETERS, Parameters, parse_parameters
from runtime.refusal import Refusal
from runtime.templates.errors import TemplateError

if TYPE_CHECKING:
    from runtime.templates.chat import ChatTemplate

MODEL = "model.gguf"
PROJECTOR = "mmproj.gguf"
_FIRST_SHARD = "model-00001-of-*.gguf"
_MAX_TEXT_BYTES = 4 << 20


class ModelFolderError(Refusal):
    """A folder that cannot be served; one line with the file."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The files of a model's folder, by what they are for."""

    model: Path | None
    """The GGUF file, or the first of several; None for engines that need none."""
    adapters: tuple[Path, ...] = ()
    """LoRA files in their order."""
    projector: Path | None = None
    """What lets the model see images."""
    chat_template: str | None = None
    """Jinja; in the place of the GGUF's own."""
    template: ChatTemplate | None = None
    """Go text/template, as Ollama's images have it; in the place of either."""
    system: str = ""
    messages: tuple[Mapping[str, Any], ...] = ()
    parameters: Parameters = NO_PARAMETERS
    """Ollama's, for the load of the model and for each request."""


def read_model_folder(folder: Path) -> ModelFolder:
    """Read the small files, and find the large ones. ModelFolderError."""
    if not folder.is_dir():
        raise ModelFolderError(f"{folder}: is no folder")
    return ModelFolder(
        model=_model(folder),
        adapters=tuple(sorted(folder.glob("adapter*.gguf"), key=_number)),
        projector=folder / PROJECTOR if (folder / PROJECTOR).exists() else None,
        chat_template=_text(folder / "chat_template.jinja"),
        template=_template(folder / "template"),
        system=_text(folder / "system") or "",
        messages=_messages(folder / "messages.json"),
        parameters=_parameters(folder / "params.json"),
    )


def _model(folder: Path) -> Path | None:
    whole = folder / MODEL
    return whole if whole.exists() else next(iter(sorted(folder.glob(_FIRST_SHARD))), None)


def _number(path: Path) -> int:
    digits = "".join(filter(str.isdecimal, path.stem))
    return int(digits) if digits else 0


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_TEXT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelFolderError(f"{path}: {error.strerror}") from None
    if len(raw) > _MAX_TEXT_BYTES:
        raise ModelFolderError(f"{path}: more than {_MAX_TEXT_BYTES >> 20} MiB of text")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ModelFolderError(f"{path}: is not UTF-8 text") from None


def _template(path: Path) -> ChatTemplate | None:
    text = _text(path)
    if text is None:
        return None
    from runtime.templates.chat import parse_chat_template  # most folders have none, and their pods wait

    try:
        return parse_chat_template(text)
    except TemplateError as error:
        raise ModelFolderError(f"{path}: {error}") from None


def _parameters(path: Path) -> Parameters:
    text = _text(path)
    try:
        return parse_parameters(text.encode()) if text is not None else NO_PARAMETERS
    except InvalidParameters as error:
        raise ModelFolderError(f"{path}: {error}") from None


def _messages(path: Path) -> tuple[Mapping[str, Any], ...]:
    text = _text(path)
    return parse_messages(text, str(path)) if text is not None else ()


def parse_messages(text: str, place: str) -> tuple[Mapping[str, Any], ...]:
    """The conversation in `text`, of the file or layer `place`. ModelFolderError."""
    try:
        messages = parse_json(text)
    except ValueError as error:
        raise ModelFolderError(f"{place}: is not JSON: {error}") from None
    if not isinstance(messages, list) or not all(
        isinstance(one, dict) and isinstance(one.get("role"), str) and isinstance(one.get("content"), str)
        for one in messages
    ):
        raise ModelFolderError(f"{place}: is no list of messages with role and content")
    return tuple({"role": one["role"], "content": one["content"]} for one in messages)
