"""What `runm show` knows of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.gguf import GgufError, read_header
from runtime.images.media_types import Role
from runtime.images.model_image import ModelImage
from runtime.images.modelfile import Message, Modelfile, emit_modelfile
from runtime.images.parameters import Parameters, parameter_texts, parse_parameters
from runtime.imagestore import ImageStore, StoredImage
from runtime.runm.model_folder import parse_messages

_TEXTS = (Role.TEMPLATE, Role.SYSTEM, Role.PARAMS, Role.MESSAGES, Role.LICENSE)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """All of it; the texts are strangers'."""

    model: Mapping[str, str | int]
    """Short facts by name; an empty one is not known."""
    parameters: Parameters
    template: str
    system: str
    messages: tuple[Message, ...]
    licenses: tuple[str, ...]
    modelfile: str
    """Of which the same image can be made, from this one."""
    warnings: tuple[str, ...]

    def text(self, name: str) -> str:
        """One of `parameters template system messages license modelfile`, for people."""
        match name:
            case "parameters":
                return "\n".join(f"{key} {value}" for key, value in parameter_texts(self.parameters))
            case "messages":
                return "\n".join(f"{one.role}: {one.content}" for one in self.messages)
            case "license":
                return "\n".join(self.licenses)
            case _:
                return str(getattr(self, name))

    def to_json(self) -> dict[str, Any]:
        """What `runm show --format json` prints."""
        return {
            "model": {name.replace(" ", "_"): value for name, value in self.model.items()},
            "parameters": dict(self.parameters.values),
            "template": self.template,
            "system": self.system,
            "messages": [{"role": one.role, "content": one.content} for one in self.messages],
            "licenses": list(self.licenses),
            "modelfile": self.modelfile,
            "warnings": list(self.warnings),
        }


def image_facts(store: ImageStore, image: StoredImage) -> ImageFacts:
    """Read what is small; of the weights, their header. StoreError, ImageError, ModelFolderError."""
    model = store.model_image(image)
    texts = {role: [store.text(part) for part in model.of(role)] for role in _TEXTS}
    parameters = parse_parameters("".join(texts[Role.PARAMS]).encode())
    turns = [parse_messages(text, "the image's messages") for text in texts[Role.MESSAGES]]
    messages = tuple(Message(one["role"], one["content"]) for turn in turns for one in turn)
    template = texts[Role.TEMPLATE][0] if texts[Role.TEMPLATE] else None
    system = "".join(texts[Role.SYSTEM])
    modelfile = Modelfile(
        (image.reference.familiar,), parameters, template, system or None, messages=messages
    )
    return ImageFacts(
        model={
            "architecture": model.config.family,
            "parameters": model.config.parameters,
            "quantization": model.config.quantization,
            "context length": _trained_context_tokens(store, model) or model.config.context_tokens,
            "image format": str(model.ecosystem),
        },
        parameters=parameters,
        template=template or "",
        system=system,
        messages=messages,
        licenses=tuple(texts[Role.LICENSE]),
        modelfile=emit_modelfile(modelfile),
        warnings=model.warnings,
    )


def _trained_context_tokens(store: ImageStore, model: ModelImage) -> int:
    """0 when the weights do not say; those in an archive are not taken out of it for that."""
    weights = model.of(Role.MODEL)[0]
    if weights.member is not None:
        return 0
    try:
        return read_header(store.content.blobs.path(weights.descriptor.digest)).trained_context_tokens
    except (GgufError, OSError):
        return 0  # `serve` says what is wrong with it
