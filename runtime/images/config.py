"""Configurations of LLM images: what an image says of its model, in all ecosystems that are read.

Sources: Ollama types/model/config.go, and server/images.go of the releases that wrote `rootfs`;
docker/model-runner pkg/distribution/types/config.go; CNCF ModelPack docs/config.md; KitOps
pkg/artifact/kitfile.go. Programs come and go and images stay: a field that nobody here knows is skipped, a
known one of another type is refused. Texts are shown to people, hence marks that a terminal would obey are
replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.go_json import emit_go_json
from runtime.images.errors import InvalidManifest
from runtime.images.media_types import DOCKER_CONFIG, MODEL_RUNNER_CONFIGS, MODELPACK_CONFIG, OCI_CONFIG

KITOPS_CONFIG = "application/vnd.kitops.modelkit.config.v1+json"
MODELPACK_CONFIGS = (MODELPACK_CONFIG, "application/vnd.cnai.model.config.v1+json")
"""The second is the name that drafts of ModelPack had."""

_LONGEST_BYTES = 4 << 20
_LARGEST = 2**31 - 1
_MISSING = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What an image says of its model; empty where it says nothing."""

    format: str = ""
    """Of the weights: gguf, safetensors, ..."""
    name: str = ""
    family: str = ""
    families: tuple[str, ...] = ()
    """That of the weights, and those of what stands beside them, such as clip."""
    architecture: str = ""
    """The model's, such as llama; never that of a processor."""
    parameters: str = ""
    """How many, for people: 134.52M."""
    quantization: str = ""
    context_tokens: int = 0
    """Tokens of context; 0 where the image leaves it open."""
    embedding_length: int = 0
    """Numbers in an embedding; 0 where the image leaves it open."""
    capabilities: tuple[str, ...] = ()
    """In Ollama's words: completion, tools, vision, thinking, embedding, insert, ..."""
    licenses: tuple[str, ...] = ()
    """Names, where the configuration has them; the texts are layers."""
    renderer: str = ""
    """Code within Ollama that writes the prompt in the place of a template."""
    parser: str = ""
    """Code within Ollama that reads the answer."""
    requires: str = ""
    """The oldest Ollama that serves the image."""
    remote: str = ""
    """The model on another host for which an image without weights stands; `host model`."""
    diff_ids: tuple[str, ...] = ()
    """Digests of the layers unpacked, as the configuration has them, unchecked."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """File names of layers by digest; under `model` that of the weights where it comes without a digest."""


def parse_config(raw: bytes, media_type: str) -> ModelConfig:
    """What a configuration says; nothing where `media_type` is none of those above. InvalidManifest."""
    parse = _PARSERS.get(media_type)
    if parse is None:
        return ModelConfig()
    if len(raw) > _LONGEST_BYTES:
        raise InvalidManifest(f"a configuration of {len(raw):,} bytes; {_LONGEST_BYTES:,} are the most")
    try:
        document = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"the configuration is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidManifest("the configuration is no JSON object")
    return parse(_Fields(document, "config"))


def emit_config(config: ModelConfig, diff_ids: Sequence[str]) -> bytes:
    """`config` as Ollama writes it, with the digests of all layers in the manifest's order.

    `rootfs` is of Ollama's earlier releases; containerd compares it with the manifest and takes no image
    without it. Architecture and system are the same in every such image, as weights are of no platform.
    """
    optional = {
        "renderer": config.renderer,
        "parser": config.parser,
        "requires": config.requires,
        "capabilities": config.capabilities,
        "context_length": config.context_tokens,
        "embedding_length": config.embedding_length,
        "base_name": config.name,
    }
    document = {
        "model_format": config.format,
        "model_family": config.family,
        "model_families": config.families or None,
        "model_type": config.parameters,
        "file_type": config.quantization,
        **{key: value for key, value in optional.items() if value},
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": tuple(diff_ids)},
    }
    return f"{emit_go_json(document)}\n".encode()


class _Fields:
    """An object of the document; each read checks the type. What is null is not there, as in Go."""

    def __init__(self, value: Mapping[str, Any], place: str) -> None:
        self._value = value
        self._place = place

    def text(self, name: str) -> str:
        return _printable(self._get(name, str, "a string") or "")

    def count(self, name: str) -> int:
        value: int = self._get(name, int, "a whole number") or 0
        if isinstance(self._value.get(name), bool) or not 0 <= value <= _LARGEST:
            raise InvalidManifest(f"{self._place}.{name}: expected a whole number from 0 to {_LARGEST}")
        return value

    def flag(self, name: str) -> bool:
        return bool(self._get(name, bool, "true or false"))

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._get(name, list, "a list of strings") or []
        if not all(isinstance(value, str) for value in values):
            raise InvalidManifest(f"{self._place}.{name}: expected a list of strings")
        return tuple(_printable(value) for value in values)

    def under(self, name: str) -> _Fields:
        return _Fields(self._get(name, dict, "an object") or {}, f"{self._place}.{name}")

    def each(self, name: str) -> Iterator[_Fields]:
        for number, value in enumerate(self._get(name, list, "a list of objects") or []):
            place = f"{self._place}.{name}[{number}]"
            if not isinstance(value, dict):
                raise InvalidManifest(f"{place}: expected an object")
            yield _Fields(value, place)

    def _get(self, name: str, kind: type, expected: str) -> Any:
        value = self._value.get(name)
        if value is not None and not isinstance(value, kind):
            raise InvalidManifest(f"{self._place}.{name}: expected {expected}")
        return value


def _printable(text: str) -> str:
    return "".join(mark if mark.isprintable() else _MISSING for mark in text)


def _parse_ollama(fields: _Fields) -> ModelConfig:
    """Also what a container's configuration is read as: of all this it has `rootfs` only."""
    family = fields.text("model_family")
    return ModelConfig(
        format=fields.text("model_format"),
        name=fields.text("base_name"),
        family=family,
        families=fields.texts("model_families"),
        architecture=family,
        parameters=fields.text("model_type"),
        quantization=fields.text("file_type"),
        context_tokens=fields.count("context_length"),
        embedding_length=fields.count("embedding_length"),
        capabilities=fields.texts("capabilities"),
        renderer=fields.text("renderer"),
        parser=fields.text("parser"),
        requires=fields.text("requires"),
        remote=f"{fields.text('remote_host')} {fields.text('remote_model')}".strip(),
        diff_ids=fields.under("rootfs").texts("diff_ids"),
    )


def _parse_model_runner(fields: _Fields) -> ModelConfig:
    config = fields.under("config")
    gguf = config.under("gguf")
    architecture = config.text("architecture") or gguf.text("general.architecture")
    licence = gguf.text("general.license")
    return ModelConfig(
        format=config.text("format"),
        name=gguf.text("general.name"),
        family=architecture,
        families=(architecture,) if architecture else (),
        architecture=architecture,
        parameters=config.text("parameters"),
        quantization=config.text("quantization"),
        context_tokens=config.count("context_size"),
        licenses=(licence,) if licence else (),
        diff_ids=fields.under("rootfs").texts("diff_ids"),
    )


def _parse_modelpack(fields: _Fields) -> ModelConfig:
    """Names stand in camel case in the specification's code and in snake case in its text."""
    about, config, layers = fields.under("descriptor"), fields.under("config"), fields.under("modelfs")
    family = about.text("family")
    return ModelConfig(
        format=config.text("format"),
        name=about.text("name"),
        family=family,
        families=(family,) if family else (),
        architecture=config.text("architecture"),
        parameters=config.text("paramSize") or config.text("param_size"),
        quantization=config.text("quantization") or config.text("precision"),
        capabilities=tuple(_modelpack_capabilities(config.under("capabilities"))),
        licenses=about.texts("licenses"),
        diff_ids=layers.texts("diffIds") or layers.texts("diff_ids"),
    )


def _modelpack_capabilities(fields: _Fields) -> Iterator[str]:
    inputs = fields.texts("inputTypes") or fields.texts("input_types")
    outputs = fields.texts("outputTypes") or fields.texts("output_types")
    for ours, found in (
        ("completion", "text" in outputs),
        ("embedding", "embedding" in outputs),
        ("vision", "image" in inputs),
        ("audio", "audio" in inputs),
        ("tools", fields.flag("toolUsage") or fields.flag("tool_usage")),
        ("thinking", fields.flag("reasoning")),
    ):
        if found:
            yield ours


def _parse_kitops(fields: _Fields) -> ModelConfig:
    """A Kitfile as JSON; later releases name the layer of each path by its digest."""
    package, model = fields.under("package"), fields.under("model")
    paths = {model.text("digest") or "model": model.text("path")}
    licenses = [package.text("license"), model.text("license")]
    for part in model.each("parts"):
        paths[part.text("digest")] = part.text("path")
        licenses.append(part.text("license"))
    return ModelConfig(
        format=model.text("format"),
        name=model.text("name") or package.text("name"),
        licenses=tuple(dict.fromkeys(filter(None, licenses))),
        paths={digest: path for digest, path in paths.items() if digest and path},
    )


_PARSERS: dict[str, Callable[[_Fields], ModelConfig]] = {
    DOCKER_CONFIG: _parse_ollama,
    OCI_CONFIG: _parse_ollama,
    **dict.fromkeys(MODEL_RUNNER_CONFIGS, _parse_model_runner),
    **dict.fromkeys(MODELPACK_CONFIGS, _parse_modelpack),
    KITOPS_CONFIG: _parse_kitops,
}
