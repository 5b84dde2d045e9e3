"""One reading of LLM images from every ecosystem: which layer is which file of the folder that is served.

Sources: Ollama server/images.go; docker/model-runner pkg/distribution; CNCF ModelPack docs/spec.md and
docs/annotations.md; KitOps pkg/lib/constants/mediatype; ORAS for artifacts without a format of their own.
Names of files are made here from roles and numbers; an annotation's name says what a layer is, and never
where it goes.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from runtime.images.config import ModelConfig, parse_config
from runtime.images.errors import UnservableImage
from runtime.images.manifest import Descriptor, Manifest
from runtime.images.media_types import (
    DOCKER_CONFIG,
    OCI_CONFIG,
    OLLAMA,
    ROLES,
    SINGLE,
    SPLIT_WEIGHTS,
    Role,
)

LONGEST_TEXT = 4 << 20
"""Bytes of anything but weights."""
WEIGHTS = (Role.MODEL, Role.ADAPTER, Role.PROJECTOR, Role.DRAFT)
ANY_GGUF = "*.gguf"
"""The member of an archive whose name nothing tells: the one GGUF in there, when there is one."""

_MODEL_FILE = "model.gguf"
_FILE_NAMES = {
    Role.PROJECTOR: "mmproj.gguf",
    Role.DRAFT: "draft.gguf",
    Role.TEMPLATE: "template",
    Role.CHAT_TEMPLATE: "chat_template.jinja",
    Role.SYSTEM: "system",
    Role.PARAMS: "params.json",
    Role.MESSAGES: "messages.json",
}
_NUMBERED = {Role.ADAPTER: "adapter-{}.gguf", Role.LICENSE: "license-{}"}

_PATHS = (
    "org.cncf.model.filepath",
    "org.cnai.model.filepath",
    "org.opencontainers.image.title",
    "com.docker.ai.model.filepath",
)
_UNPACKED = "io.deis.oras.content.unpack"  # ORAS has packed a folder
_BYTES = "application/octet-stream"
_UNTYPED = "application/vnd.oci.image.layer.v1.tar"  # ORAS's default; the bytes are the file's own
_CONTAINER_LAYERS = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")
_PACKED = re.compile(r"[.+](?:tar|t?gz|gzip|zstd?|zip|encrypted)\b")
_EMBED = f"{OLLAMA}embed"
_FOREIGN = (".safetensors", ".dduf", ".onnx", ".pt", ".pth", ".ggml")
_WEIGHTS = re.compile(
    r"application/vnd\.(?:cn(?:cf|ai)\.model\.weight|kitops\.modelkit\.(?P<part>model|modelpart))"
    r"\.v1\.(?P<form>raw|tar(?:\+(?P<compression>\w+))?)",
    re.ASCII,
)
_SIDE_FILES = re.compile(
    r"application/vnd\.(?:cn(?:cf|ai)\.model\.(?:weight\.config|doc|code|dataset)\.v1\.(?P<form>\w+).*"
    r"|docker\.ai\.(?P<file>model\.file|vllm\.config\.tar|dir\.tar)"
    r"|kitops\.modelkit\.(?:code|docs|datasets?|prompt)\..*)"
)
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE | re.ASCII)
_HAS_ZSTD = importlib.util.find_spec("_zstd") is not None  # Python 3.14, where it was built with it


class Ecosystem(StrEnum):
    """Whose form an image has."""

    OLLAMA = "Ollama"
    MODEL_RUNNER = "Docker Model Runner"
    MODELPACK = "ModelPack"
    KITOPS = "KitOps"
    PLAIN = "plain GGUF"


_MARKS = {
    OLLAMA: Ecosystem.OLLAMA,
    "application/vnd.docker.ai.": Ecosystem.MODEL_RUNNER,
    "application/vnd.cncf.model.": Ecosystem.MODELPACK,
    "application/vnd.cnai.model.": Ecosystem.MODELPACK,
    "application/vnd.kitops.": Ecosystem.KITOPS,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A layer that is served."""

    role: Role
    descriptor: Descriptor
    member: str | None
    """None where the layer's bytes are the file. Else the layer is a tar, compressed as its media type ends,
    and this is the entry: by its whole name, else the only one of this last name; or ANY_GGUF."""
    file_name: str
    """In the folder that is served; no two parts have one name."""


@dataclass(frozen=True, slots=True)
class ModelImage:
    """An image that can be served."""

    ecosystem: Ecosystem
    manifest: Manifest
    parts: tuple[Part, ...]
    """By role, with shards and adapters in their order."""
    config: ModelConfig
    warnings: tuple[str, ...]
    """What is in the image and has no effect here, and what was guessed; a line each."""

    def of(self, role: Role) -> tuple[Part, ...]:
        """The parts with `role`."""
        return tuple(part for part in self.parts if part.role is role)


def read_model_image(manifest: Manifest, config: bytes) -> ModelImage:
    """The image of `manifest`, whose configuration is `config`; whether that is so is not checked here.

    UnservableImage where no engine here serves it, InvalidManifest where the configuration is none.
    """
    return _Reading(manifest, parse_config(config, manifest.config.media_type)).result()


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer that has a role."""

    role: Role
    descriptor: Descriptor
    path: str
    member: str | None = None

    @property
    def is_gguf(self) -> bool:
        """Said of it, by its type or its name."""
        return "gguf" in self.descriptor.media_type or _last(self.path).endswith(".gguf")

    def part(self, file_name: str) -> Part:
        return Part(self.role, self.descriptor, self.member, file_name)


class _Reading:
    """The reading of one image."""

    def __init__(self, manifest: Manifest, config: ModelConfig) -> None:
        self._manifest = manifest
        self._config = config
        self._ecosystem = _ecosystem(manifest)
        self._of: dict[Role, list[_Layer]] = {role: [] for role in Role}
        self._unsure: list[_Layer] = []
        """Weights that nothing calls GGUF."""
        self._foreign: list[str] = []
        self._warnings: dict[str, None] = {}

    def result(self) -> ModelImage:
        for layer in self._manifest.layers:
            self._add(layer)
        self._settle_unsure()
        if not self._of[Role.MODEL]:
            self._refuse_without_model()
        self._check_format()
        self._drop_surplus()
        for name in self._foreign:
            self._warn(f"{name} weights beside the GGUF are left out")
        parts = [part for role in Role for part in self._named(role)]
        return ModelImage(self._ecosystem, self._manifest, tuple(parts), self._config, tuple(self._warnings))

    # One layer.

    def _add(self, layer: Descriptor) -> None:
        kind, path = layer.media_type, _path(layer)
        if weights := _WEIGHTS.fullmatch(kind):
            self._add_weights(layer, weights)
        elif (role := ROLES.get(kind)) is not None:
            self._keep(_Layer(_projector_or(role, path), layer, path))
        elif kind in SPLIT_WEIGHTS or kind.endswith((".safetensors", ".dduf")):
            self._foreign.append("dduf" if kind.endswith(".dduf") else "safetensors")
        elif kind == _EMBED:
            self._warn("an embed layer is left out: it has had no effect since Ollama 0.1.2")
        elif side := _SIDE_FILES.fullmatch(kind):
            is_file = side["form"] == "raw" or side["file"] == "model.file"
            if is_file and (role := _side_role(path)) is not None:
                self._keep(_Layer(role, layer, path))
        elif self._is_file(layer):
            self._add_file(layer, path)
        elif not self._is_container_layer(layer):
            self._warn(f"a layer of the unknown type {kind[:100]!r} is left out")

    def _add_weights(self, layer: Descriptor, weights: re.Match[str]) -> None:
        """ModelPack's and KitOps's: the type says how the bytes are packed, the name what they are."""
        path = _path(layer) or self._config.paths.get(layer.digest, "")
        if not path and weights["part"] == "model":
            path = self._config.paths.get("model", "")
        if _last(path).endswith(_FOREIGN):
            self._foreign.append(_last(path).rpartition(".")[2])
        elif weights["form"] == "raw":
            found = _Layer(_projector_or(Role.MODEL, path), layer, path)
            self._keep(found) if found.is_gguf else self._unsure.append(found)
        elif weights["part"] == "modelpart" and not _last(path).endswith(".gguf"):
            self._warn(f"a part of the model is left out: its name, {path[:100]!r}, is none of a GGUF")
        else:
            self._check_compression(weights["compression"])
            self._keep(_Layer(_projector_or(Role.MODEL, path), layer, path, _member(path)))

    def _add_file(self, layer: Descriptor, path: str) -> None:
        """A file of an artifact, of which the name is all there is to know."""
        role = _side_role(path)
        if _last(path).endswith(".gguf"):
            role = _projector_or(Role.MODEL, path)
        elif _last(path).endswith(_FOREIGN):
            self._foreign.append(_last(path).rpartition(".")[2])
            return
        elif role is None and not path:
            role = ROLES.get(self._manifest.artifact_type)
        if role is None:
            self._warn(f"the file {path[:100]!r} is left out: its name tells no use of it")
        else:
            self._keep(_Layer(role, layer, path))

    def _keep(self, layer: _Layer) -> None:
        if layer.role not in WEIGHTS and layer.descriptor.size > LONGEST_TEXT:
            self._refuse(
                f"has a {layer.role} of {layer.descriptor.size:,} bytes, and {LONGEST_TEXT:,} are the most: "
                "push it with a shorter one"
            )
        if layer.role in SINGLE:
            self._of[layer.role].clear()
        self._of[layer.role].append(layer)

    def _is_file(self, layer: Descriptor) -> bool:
        kind, path = layer.media_type, _path(layer)
        if kind == _BYTES:
            return True
        if kind == _UNTYPED:
            packed = layer.annotations.get(_UNPACKED) == "true"
            return bool(path) and not packed and not self._is_container
        # A type that somebody made up; what says that it is packed is not taken for a file.
        return _last(path).endswith(".gguf") and not _PACKED.search(kind) and not kind.startswith(OLLAMA)

    @property
    def _is_container(self) -> bool:
        return self._manifest.config.media_type in (DOCKER_CONFIG, OCI_CONFIG)

    @staticmethod
    def _is_container_layer(layer: Descriptor) -> bool:
        return layer.media_type.startswith(_CONTAINER_LAYERS)

    # All layers.

    def _settle_unsure(self) -> None:
        if not self._unsure:
            return
        first = self._unsure[0]
        if len(self._unsure) > 1 or self._of[Role.MODEL]:
            self._refuse(
                f"has the weights {first.path[:100]!r} beside others, which are no GGUF by their name: push "
                "it with the GGUF alone, or with names that end in .gguf"
            )
        self._warn(f"the weights {first.path[:100]!r} are taken for GGUF, which their name does not say")
        self._keep(first)

    def _check_format(self) -> None:
        said = self._config.format.casefold()
        if said and not said.startswith("gguf") and not all(layer.is_gguf for layer in self._of[Role.MODEL]):
            self._refuse_format(self._config.format[:40])

    def _drop_surplus(self) -> None:
        projectors, drafts = self._of[Role.PROJECTOR], self._of[Role.DRAFT]
        if len(projectors) > 1:
            self._warn(f"the first of {len(projectors)} projectors is used")
            del projectors[1:]
        if len(drafts) > 1:
            self._warn(f"a draft model in {len(drafts)} layers is left out: one is supported")
            drafts.clear()

    def _named(self, role: Role) -> list[Part]:
        layers = self._of[role]
        if role is Role.MODEL:
            return self._named_models(layers)
        if role in _NUMBERED:
            return [layer.part(_NUMBERED[role].format(number)) for number, layer in enumerate(layers)]
        return [layer.part(_FILE_NAMES[role]) for layer in layers]

    def _named_models(self, layers: Sequence[_Layer]) -> list[Part]:
        """One file, or shards under the names by which llama.cpp finds the later ones."""
        count = len(layers)
        shards = [_SHARD.fullmatch(_last(layer.path)) for layer in layers]
        if any(shards):
            layers = self._in_order(layers, shards)
        elif count > 1 and any(layer.path for layer in layers):
            names = ", ".join(repr(layer.path[:60]) for layer in layers[:3])
            self._refuse(f"has {count} models, {names}: push it with the one that is to be served")
        if count == 1:
            return [layers[0].part(_MODEL_FILE)]
        return [layer.part(f"model-{number:05}-of-{count:05}.gguf") for number, layer in enumerate(layers, 1)]

    def _in_order(self, layers: Sequence[_Layer], shards: Sequence[re.Match[str] | None]) -> list[_Layer]:
        wholes = {(shard["stem"], int(shard["count"])) if shard else None for shard in shards}
        told = max(int(shard["count"]) for shard in shards if shard)
        by_number = {
            int(shard["number"]): layer for shard, layer in zip(shards, layers, strict=True) if shard
        }
        if len(wholes) > 1 or len(by_number) < len(layers):
            self._refuse("has shards of several models, or one of them twice: push all shards of one model")
        if sorted(by_number) != list(range(1, told + 1)):
            self._refuse(f"has {len(layers)} of a model's {told} shards: push all of them")
        return [by_number[number] for number in sorted(by_number)]

    def _warn(self, text: str) -> None:
        self._warnings[text] = None

    # Refusals.

    def _check_compression(self, compression: str | None) -> None:
        if compression in (None, "gzip") or (compression == "zstd" and _HAS_ZSTD):
            return
        newer = ", or run on Python 3.14" if compression == "zstd" else ""
        self._refuse(
            f"has weights compressed by {compression[:20] if compression else ''}: push it uncompressed or "
            f"with gzip{newer}"
        )

    def _refuse_without_model(self) -> NoReturn:
        if self._config.remote:
            self._refuse(
                f"has no weights, and stands for {self._config.remote[:100]} on another host: "
                "take a tag that has weights"
            )
        if self._foreign:
            self._refuse_format(self._foreign[0])
        if any(map(self._is_container_layer, self._manifest.layers)):
            raise UnservableImage(
                "the image is a container image, not a model: name a model's image, or push the GGUF file "
                "itself as a layer"
            )
        if self._of[Role.ADAPTER]:
            self._refuse("has an adapter and no model: build it on a model, with FROM and ADAPTER")
        kind = self._manifest.artifact_type or self._manifest.config.media_type
        raise UnservableImage(
            f"the image, of type {kind[:100]!r}, has no model: push it with a GGUF file as a layer"
        )

    def _refuse_format(self, name: str) -> NoReturn:
        self._refuse(f"has {name} weights, and GGUF is served: convert the model to GGUF and push that")

    def _refuse(self, text: str) -> NoReturn:
        raise UnservableImage(f"the {self._ecosystem} image {text}")


def _ecosystem(manifest: Manifest) -> Ecosystem:
    """By the configuration, else the artifact's type, else the first layer of a known one."""
    kinds = (manifest.config.media_type, manifest.artifact_type, *(one.media_type for one in manifest.layers))
    for kind in kinds:
        for mark, ecosystem in _MARKS.items():
            if kind.startswith(mark):
                return ecosystem
    return Ecosystem.PLAIN


def _path(layer: Descriptor) -> str:
    return next((path for name in _PATHS if (path := layer.annotations.get(name))), "")


def _last(path: str) -> str:
    return path.rpartition("/")[2].casefold()


def _projector_or(role: Role, path: str) -> Role:
    """llama.cpp's tools name projectors so, and no format but Ollama's and Docker's has a type for them."""
    return Role.PROJECTOR if role is Role.MODEL and "mmproj" in _last(path) else role


def _side_role(path: str) -> Role | None:
    last = _last(path)
    if last.endswith(".jinja") and "chat" in last:
        return Role.CHAT_TEMPLATE
    return Role.LICENSE if last.partition(".")[0] in ("license", "licence", "copying") else None


def _member(path: str) -> str:
    """The entry of an archive that `path` names; a path that leaves the archive counts by its last name."""
    if not _last(path).endswith(".gguf"):
        return ANY_GGUF
    names = [name for name in path.split("/") if name not in ("", ".")]
    return names[-1] if ".." in names or path.startswith("/") else "/".join(names)
