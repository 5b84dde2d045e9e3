"""One reading of every ecosystem's images: which blob is which file of the folder that is served.

docs/images.md has the table. The names of files are ours: what an annotation says is looked at, never used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from runtime.images.config import ModelConfig, parse_config
from runtime.images.errors import UnservableImage
from runtime.images.manifest import Descriptor, Manifest
from runtime.images.media_types import (
    DOCKER_CONFIG,
    MODEL_RUNNER_CONFIGS,
    MODELPACK_ARTIFACTS,
    MODELPACK_CONFIG,
    OLLAMA,
    ROLES,
    SAFETENSORS,
    SINGLE,
    SPLIT_WEIGHTS,
    Role,
)

_PATHS = (
    "org.cncf.model.filepath",
    "org.cnai.model.filepath",
    "org.opencontainers.image.title",
    "com.docker.ai.model.filepath",
)
_FILE = re.compile(r"application/vnd\.docker\.ai\.model\.file|application/octet-stream")
_ARCHIVE = re.compile(r".*(\.tar|\.tar\+gzip|\.tar\+zstd|\.tar\.gzip|\.tar\.zstd|rootfs\.diff\.tar\.gzip)")
_RAW_WEIGHTS = re.compile(r"application/vnd\.(cncf|cnai)\.model\.weight\.v1\.(raw|gguf)")
_SHARD = re.compile(r".*-(\d{5})-of-(\d{5})\.gguf")
_OTHERS_FILES = re.compile(
    r"application/vnd\.(cncf|cnai)\.model\.(weight\.config|doc|code|dataset)\.v1\..*"
    r"|application/vnd\.docker\.ai\.vllm\.config.*"
)
_NAMES = {
    Role.TEMPLATE: "template",
    Role.CHAT_TEMPLATE: "chat_template.jinja",
    Role.SYSTEM: "system",
    Role.PARAMS: "params.json",
    Role.MESSAGES: "messages.json",
}
_NUMBERED = {
    Role.ADAPTER: ("adapter", ".gguf"),
    Role.PROJECTOR: ("mmproj", ".gguf"),
    Role.DRAFT: ("draft", ".gguf"),
    Role.LICENSE: ("license", ""),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A blob that is a file of the served folder."""

    role: Role
    descriptor: Descriptor
    file_name: str


@dataclass(frozen=True, slots=True)
class ModelImage:
    """What of an image is served."""

    ecosystem: str
    manifest: Manifest
    parts: tuple[Part, ...]
    config: ModelConfig
    warnings: tuple[str, ...] = ()
    """One line for each layer that was passed over."""

    def of(self, role: Role) -> tuple[Part, ...]:
        """The parts of one role, in their order."""
        return tuple(part for part in self.parts if part.role is role)


def read_model_image(manifest: Manifest, config: bytes) -> ModelImage:
    """`manifest` with its configuration blob. UnservableImage, InvalidManifest."""
    ecosystem = _ecosystem(manifest)
    found: list[tuple[Role, Descriptor]] = []
    warnings: list[str] = []
    for layer in manifest.layers:
        role = _role(layer)
        if role is None:
            warnings.append(f"layer {layer.digest} of type {layer.media_type[:100]!r} has no effect")
        else:
            found.append((role, layer))
    if not any(role is Role.MODEL for role, _ in found):
        raise UnservableImage(_why_not(manifest))
    return ModelImage(
        ecosystem,
        manifest,
        tuple(_parts(found)),
        parse_config(config, manifest.config.media_type),
        tuple(warnings),
    )


def _ecosystem(manifest: Manifest) -> str:
    if any(layer.media_type.startswith(OLLAMA) for layer in manifest.layers):
        return "Ollama"
    if manifest.config.media_type in MODEL_RUNNER_CONFIGS:
        return "Docker Model Runner"
    if manifest.config.media_type == MODELPACK_CONFIG or manifest.artifact_type in MODELPACK_ARTIFACTS:
        return "ModelPack"
    return "GGUF artifact"


def _role(layer: Descriptor) -> Role | None:
    """What a layer is for, by its type, and where that says little by its path."""
    role = ROLES.get(layer.media_type)
    path = _path(layer)
    if role is Role.MODEL and _RAW_WEIGHTS.fullmatch(layer.media_type) and path:
        return _role_of_path(path)
    if role is None and (_FILE.fullmatch(layer.media_type) or _is_plain(layer, path)):
        return _role_of_path(path)
    return role


def _is_plain(layer: Descriptor, path: str) -> bool:
    """A type that nobody knows, with the name of a GGUF file."""
    known = _OTHERS_FILES.fullmatch(layer.media_type) or _ARCHIVE.fullmatch(layer.media_type)
    return path.lower().endswith(".gguf") and not known and not layer.media_type.startswith(OLLAMA)


def _role_of_path(path: str) -> Role | None:
    name = PurePosixPath(path).name.lower()
    if name.endswith(".gguf"):
        return Role.PROJECTOR if "mmproj" in name else Role.MODEL
    if name.endswith(".jinja"):
        return Role.CHAT_TEMPLATE
    return Role.LICENSE if name.startswith("license") else None


def _path(layer: Descriptor) -> str:
    return next((layer.annotations[name] for name in _PATHS if name in layer.annotations), "")


def _parts(found: Sequence[tuple[Role, Descriptor]]) -> list[Part]:
    last = {role: layer for role, layer in found if role in SINGLE}
    models = [layer for role, layer in found if role is Role.MODEL]
    parts = _models(models)
    counts: dict[Role, int] = {}
    for role, layer in found:
        if role in SINGLE:
            if last[role] is layer:
                parts.append(Part(role, layer, _NAMES[role]))
        elif role is not Role.MODEL:
            number = counts[role] = counts.get(role, 0) + 1
            head, tail = _NUMBERED[role]
            parts.append(Part(role, layer, f"{head}{'' if number == 1 else f'-{number}'}{tail}"))
    return parts


def _models(layers: Sequence[Descriptor]) -> list[Part]:
    """Shards side by side under the names that llama.cpp looks for."""
    if len(layers) == 1:
        return [Part(Role.MODEL, layers[0], "model.gguf")]
    numbered = [(_SHARD.fullmatch(_path(layer)), layer) for layer in layers]
    ordered = list(layers)
    if all(match is not None for match, _ in numbered):
        numbers = [(int(match[1]), int(match[2])) for match, _ in numbered if match is not None]
        if sorted(numbers) != [(number, len(layers)) for number in range(1, len(layers) + 1)]:
            raise UnservableImage(
                f"the image has {len(layers)} model files whose names are not shards 1 to {len(layers)}"
            )
        ordered = [layer for _, layer in sorted(zip(numbers, layers, strict=True), key=lambda one: one[0])]
    elif any(_path(layer) for layer in layers):
        names = ", ".join(PurePosixPath(_path(layer)).name[:60] for layer in layers[:5])
        raise UnservableImage(f"the image has several models ({names}); make an image of one of them")
    return [
        Part(Role.MODEL, layer, f"model-{number:05d}-of-{len(layers):05d}.gguf")
        for number, layer in enumerate(ordered, 1)
    ]


def _why_not(manifest: Manifest) -> str:
    types = {layer.media_type for layer in manifest.layers}
    paths = [_path(layer) for layer in manifest.layers]
    if types & set(SPLIT_WEIGHTS) or any(SAFETENSORS in text for text in (*types, *paths)):
        return "the image's weights are safetensors, which llama.cpp cannot serve; convert the model to GGUF"
    if any("dduf" in kind for kind in types):
        return "the image's weights are a DDUF of images' models, which llama.cpp cannot serve"
    if any(".model.weight." in kind or ".modelkit.model" in kind for kind in types):
        return (
            "the image's weights are in an archive, of which a file cannot be served without a copy; "
            "push them raw, as a .gguf file"
        )
    if manifest.config.media_type == DOCKER_CONFIG or any(
        "rootfs" in kind or "layer" in kind for kind in types
    ):
        return "is a container image, not a model: nothing in it can be served"
    return f"the image has no model: its layers are of {', '.join(sorted(types))[:200] or 'no type at all'}"
