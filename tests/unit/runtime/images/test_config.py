from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.images.config import KITOPS_CONFIG, MODELPACK_CONFIGS, ModelConfig, emit_config, parse_config
from runtime.images.digest import digest_of
from runtime.images.errors import InvalidManifest
from runtime.images.media_types import (
    DOCKER_CONFIG,
    MODEL_RUNNER_CONFIGS,
    MODELPACK_CONFIG,
    OCI_CONFIG,
    OCI_EMPTY,
)

A, B = digest_of(b"a"), digest_of(b"b")
OLLAMA: dict[str, Any] = {
    "model_format": "gguf",
    "model_family": "llama",
    "model_families": ["llama", "clip"],
    "model_type": "134.52M",
    "file_type": "Q4_K_M",
    "renderer": "harmony",
    "parser": "harmony",
    "requires": "0.14.0",
    "capabilities": ["completion", "tools"],
    "context_length": 8192,
    "embedding_length": 576,
    "base_name": "tiny",
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": [A, B]},
}
MODEL_RUNNER: dict[str, Any] = {
    "config": {
        "format": "gguf",
        "quantization": "IQ2_XXS/Q4_K_M",
        "parameters": "134.52 M",
        "architecture": "llama",
        "size": "98.87 MiB",
        "gguf": {
            "general.architecture": "llama",
            "general.name": "Tiny",
            "general.license": "apache-2.0",
            "llama.context_length": "8192",
        },
        "context_size": 4096,
    },
    "descriptor": {"created": "2026-01-01T00:00:00Z"},
    "rootfs": {"type": "layers", "diff_ids": [A]},
}
MODELPACK: dict[str, Any] = {
    "descriptor": {
        "createdAt": "2026-01-01T00:00:00Z",
        "family": "smollm2",
        "name": "tiny",
        "licenses": ["Apache-2.0"],
    },
    "config": {
        "architecture": "transformer",
        "format": "gguf",
        "paramSize": "0.1b",
        "precision": "bf16",
        "capabilities": {"inputTypes": ["text", "image"], "outputTypes": ["text"], "toolUsage": True},
    },
    "modelfs": {"type": "layers", "diffIds": [A]},
}
MODELPACK_SNAKES: dict[str, Any] = {
    "config": {
        "param_size": "0.1b",
        "precision": "bf16",
        "quantization": "q4",
        "capabilities": {"input_types": ["audio"], "output_types": ["embedding"], "reasoning": True},
    },
    "modelfs": {"type": "layers", "diff_ids": [B]},
}
KITOPS: dict[str, Any] = {
    "manifestVersion": "1.0.0",
    "package": {"name": "kit", "version": "1", "license": "MIT"},
    "model": {
        "name": "tiny",
        "path": "./weights/tiny.gguf",
        "format": "gguf",
        "license": "MIT",
        "parts": [{"path": "mmproj.gguf", "digest": B, "license": "Apache-2.0"}, {"path": "no-digest"}],
        "parameters": {"anything": [1]},
    },
}


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("media_type", "document", "expected"),
    [
        (
            DOCKER_CONFIG,
            OLLAMA,
            ModelConfig(
                format="gguf",
                name="tiny",
                family="llama",
                families=("llama", "clip"),
                architecture="llama",
                parameters="134.52M",
                quantization="Q4_K_M",
                context_tokens=8192,
                embedding_length=576,
                capabilities=("completion", "tools"),
                renderer="harmony",
                parser="harmony",
                requires="0.14.0",
                diff_ids=(A, B),
            ),
        ),
        (DOCKER_CONFIG, {"model_families": None, "model_type": None, "rootfs": None}, ModelConfig()),
        (
            DOCKER_CONFIG,
            {"remote_host": "https://registry.example:443", "remote_model": "large"},
            ModelConfig(remote="https://registry.example:443 large"),
        ),
        # A container's: `config` and `history` are other things there, and the processor is no model.
        (
            OCI_CONFIG,
            {"architecture": "arm64", "os": "linux", "config": {"Env": []}, "rootfs": {"diff_ids": [A]}},
            ModelConfig(diff_ids=(A,)),
        ),
        (
            MODEL_RUNNER_CONFIGS[0],
            MODEL_RUNNER,
            ModelConfig(
                format="gguf",
                name="Tiny",
                family="llama",
                families=("llama",),
                architecture="llama",
                parameters="134.52 M",
                quantization="IQ2_XXS/Q4_K_M",
                context_tokens=4096,
                licenses=("apache-2.0",),
                diff_ids=(A,),
            ),
        ),
        (
            MODEL_RUNNER_CONFIGS[1],
            {"config": {"gguf": {"general.architecture": "qwen3"}}, "something": "new"},
            ModelConfig(family="qwen3", families=("qwen3",), architecture="qwen3"),
        ),
        (
            MODELPACK_CONFIG,
            MODELPACK,
            ModelConfig(
                format="gguf",
                name="tiny",
                family="smollm2",
                families=("smollm2",),
                architecture="transformer",
                parameters="0.1b",
                quantization="bf16",
                capabilities=("completion", "vision", "tools"),
                licenses=("Apache-2.0",),
                diff_ids=(A,),
            ),
        ),
        (
            MODELPACK_CONFIGS[1],
            MODELPACK_SNAKES,
            ModelConfig(
                parameters="0.1b",
                quantization="q4",
                capabilities=("embedding", "audio", "thinking"),
                diff_ids=(B,),
            ),
        ),
        (
            KITOPS_CONFIG,
            KITOPS,
            ModelConfig(
                format="gguf",
                name="tiny",
                licenses=("MIT", "Apache-2.0"),
                paths={"model": "./weights/tiny.gguf", B: "mmproj.gguf"},
            ),
        ),
        (KITOPS_CONFIG, {"model": {"path": "a.gguf", "digest": A}}, ModelConfig(paths={A: "a.gguf"})),
        (OCI_EMPTY, {}, ModelConfig()),
        ("application/vnd.unknown.config.v1+json", OLLAMA, ModelConfig()),
    ],
)
def test_what_each_ecosystem_says(media_type: str, document: object, expected: ModelConfig) -> None:
    assert parse_config(raw(document), media_type) == expected


@pytest.mark.parametrize("media_type", [OCI_EMPTY, "application/vnd.unknown.config.v1+json", ""])
def test_a_configuration_of_no_known_type_may_be_any_bytes(media_type: str) -> None:
    assert parse_config(b"\xff no JSON", media_type) == ModelConfig()


@pytest.mark.parametrize(
    ("media_type", "document", "message"),
    [
        (DOCKER_CONFIG, {"model_type": 7}, "config.model_type: expected a string"),
        (DOCKER_CONFIG, {"model_families": "llama"}, "config.model_families: expected a list of strings"),
        (DOCKER_CONFIG, {"model_families": ["llama", 1]}, "config.model_families: expected a list of str"),
        (DOCKER_CONFIG, {"context_length": True}, "config.context_length: expected a whole number"),
        (DOCKER_CONFIG, {"context_length": False}, "config.context_length: expected a whole number"),
        (DOCKER_CONFIG, {"context_length": 4096.0}, "config.context_length: expected a whole number"),
        (DOCKER_CONFIG, {"context_length": -1}, "config.context_length: expected a whole number from 0"),
        (DOCKER_CONFIG, {"context_length": 2**31}, "config.context_length: expected a whole number from"),
        (DOCKER_CONFIG, {"rootfs": []}, "config.rootfs: expected an object"),
        (MODEL_RUNNER_CONFIGS[0], {"config": {"gguf": "x"}}, "config.config.gguf: expected an object"),
        (MODELPACK_CONFIG, {"config": {"capabilities": {"reasoning": 1}}}, "reasoning: expected true or f"),
        (KITOPS_CONFIG, {"model": {"parts": [1]}}, r"config.model.parts\[0\]: expected an object"),
        (DOCKER_CONFIG, [], "the configuration is no JSON object"),
    ],
)
def test_a_wrong_type_is_named(media_type: str, document: object, message: str) -> None:
    with pytest.raises(InvalidManifest, match=f"^.*{message}[^\n]*$"):
        parse_config(raw(document), media_type)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[" * 100_000, b'{"context_length": 1' + b"0" * 5000 + b"}"]
)
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(InvalidManifest, match="the configuration is not JSON"):
        parse_config(data, DOCKER_CONFIG)


def test_the_length_is_bounded() -> None:
    with pytest.raises(InvalidManifest, match="a configuration of 4,194,305 bytes"):
        parse_config(b" " * ((4 << 20) + 1), DOCKER_CONFIG)


def test_what_a_terminal_would_obey_is_replaced() -> None:
    config = parse_config(b'{"base_name": "a\\u001b[2Jb\\nc\\ud800", "capabilities": ["\\t"]}', DOCKER_CONFIG)
    assert config.name == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"
    assert config.capabilities == ("\N{REPLACEMENT CHARACTER}",)


def test_the_form_is_that_of_ollama() -> None:
    config = ModelConfig(
        format="gguf",
        family="llama",
        families=("llama",),
        parameters="134.52M",
        quantization="Q4_K_M",
        renderer="a<b",
    )
    assert emit_config(config, [A, B]).decode() == (
        '{"model_format":"gguf","model_family":"llama","model_families":["llama"],"model_type":"134.52M",'
        '"file_type":"Q4_K_M","renderer":"a\\u003cb","architecture":"amd64","os":"linux",'
        f'"rootfs":{{"type":"layers","diff_ids":["{A}","{B}"]}}}}\n'
    )


def test_what_is_not_set_is_as_in_go() -> None:
    assert emit_config(ModelConfig(), []).decode() == (
        '{"model_format":"","model_family":"","model_families":null,"model_type":"","file_type":"",'
        '"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}\n'
    )


def test_what_is_written_is_what_was_read() -> None:
    written = emit_config(parse_config(raw(OLLAMA), DOCKER_CONFIG), [A, B])
    assert json.loads(written) == OLLAMA
    assert list(json.loads(written)) == list(OLLAMA)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    sorted(set(OLLAMA) | set(MODEL_RUNNER) | set(MODEL_RUNNER["config"]) | set(MODELPACK) | set(KITOPS))
)


@given(
    st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=4), max_size=6),
    st.sampled_from([DOCKER_CONFIG, *MODEL_RUNNER_CONFIGS, MODELPACK_CONFIG, KITOPS_CONFIG]),
)
@settings(max_examples=100)
def test_any_json_is_a_configuration_or_one_line(document: dict[str, Any], media_type: str) -> None:
    try:
        config = parse_config(raw(document), media_type)
    except InvalidManifest as error:
        assert "\n" not in str(error)
    else:
        assert parse_config(emit_config(config, []), DOCKER_CONFIG).family == config.family
