"""The configuration blob: what an image says about its model, in each ecosystem's words.

Sources: Ollama types/model/config.go; docker/model-runner pkg/distribution/types; CNCF ModelPack
model-spec docs/config.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.go_json import emit_go_json
from runtime.images.errors import InvalidManifest
from runtime.images.media_types import MODEL_RUNNER_CONFIGS, MODELPACK_CONFIG

_MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """All of it is what the image's maker wrote; the GGUF itself has the last word."""

    format: str = ""
    """Such as `gguf`."""
    family: str = ""
    """The architecture, such as `llama`."""
    families: tuple[str, ...] = ()
    parameters: str = ""
    """Their number, in words such as `134.52M`."""
    quantisation: str = ""
    """Such as `Q4_K_M`."""
    context_tokens: int = 0
    """0 when it does not say."""
    renderer: str = ""
    """A prompt format that is built into Ollama."""
    parser: str = ""
    requires: str = ""
    """The least version of Ollama."""


def parse_config(raw: bytes, media_type: str) -> ModelConfig:
    """What `raw` says; unknown fields are passed over. InvalidManifest."""
    try:
        document = json.loads(raw.decode()) if raw.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"the image's configuration is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidManifest("the image's configuration is no JSON object")
    if media_type in MODEL_RUNNER_CONFIGS:
        inner = _table(document, "config")
        return ModelConfig(
            format=_text(inner, "format"),
            family=_text(inner, "architecture"),
            parameters=_text(inner, "parameters"),
            quantisation=_text(inner, "quantization"),
            context_tokens=_number(inner, "context_size"),
        )
    if media_type == MODELPACK_CONFIG:
        inner, about = _table(document, "config"), _table(document, "descriptor")
        return ModelConfig(
            format=_text(inner, "format"),
            family=_text(inner, "architecture") or _text(about, "family"),
            parameters=_text(inner, "paramSize"),
            quantisation=_text(inner, "quantization") or _text(inner, "precision"),
        )
    families = document.get("model_families") or []
    if not isinstance(families, list) or len(families) > _MOST_NAMES:
        raise InvalidManifest("the image's configuration: model_families: expected a list of texts")
    return ModelConfig(
        format=_text(document, "model_format"),
        family=_text(document, "model_family"),
        families=tuple(one for one in families if isinstance(one, str)),
        parameters=_text(document, "model_type"),
        quantisation=_text(document, "file_type"),
        context_tokens=_number(document, "context_length"),
        renderer=_text(document, "renderer"),
        parser=_text(document, "parser"),
        requires=_text(document, "requires"),
    )


def emit_config(config: ModelConfig, diff_ids: Sequence[str]) -> bytes:
    """As Ollama writes it, with the `rootfs` that it wrote in earlier days: containerd asks for one."""
    document: dict[str, Any] = {
        "model_format": config.format,
        "model_family": config.family,
        "model_families": list(config.families or ((config.family,) if config.family else ())),
        "model_type": config.parameters,
        "file_type": config.quantisation,
    }
    for name in ("renderer", "parser", "requires"):
        if value := getattr(config, name):
            document[name] = value
    document |= {
        "architecture": "amd64",  # Ollama's constant; an image is of no platform
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
    }
    return emit_go_json(document).encode()


def count_in_words(parameters: int) -> str:
    """Such as `134.52M` or `7.2B`, as Ollama has it."""
    for unit, name in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if parameters >= unit:
            digits = 2 if name == "M" else 1
            return f"{parameters / unit:.{digits}f}{name}"
    return str(parameters)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name) or {}
    if not isinstance(value, dict):
        raise InvalidManifest(f"the image's configuration: {name}: expected an object")
    return value


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidManifest(f"the image's configuration: {name}: expected a text")
    return value


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 31:
        raise InvalidManifest(f"the image's configuration: {name}: expected a whole number")
    return value
