from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.config import ModelConfig, count_in_words, emit_config, parse_config
from runtime.images.errors import InvalidManifest
from runtime.images.media_types import DOCKER_CONFIG, MODEL_RUNNER_CONFIGS, MODELPACK_CONFIG, OCI_EMPTY

OLLAMA = (
    b'{"model_format":"gguf","model_family":"llama","model_families":["llama"],"model_type":"134.52M",'
    b'"file_type":"Q4_1","requires":"0.1.0","architecture":"amd64","os":"linux",'
    b'"rootfs":{"type":"layers","diff_ids":["sha256:1"]}}'
)
CONFIG = ModelConfig("gguf", "llama", ("llama",), "134.52M", "Q4_1", requires="0.1.0")


def test_ollamas_form_is_read_and_written() -> None:
    assert parse_config(OLLAMA, DOCKER_CONFIG) == CONFIG
    assert emit_config(CONFIG, ["sha256:1"]) == OLLAMA


@pytest.mark.parametrize(
    ("raw", "kind", "expected"),
    [
        (
            b'{"config":{"format":"gguf","quantization":"Q4_0","parameters":"1B","architecture":"llama",'
            b'"context_size":4096,"gguf":{}},"descriptor":{},"rootfs":{}}',
            MODEL_RUNNER_CONFIGS[0],
            ModelConfig("gguf", "llama", (), "1B", "Q4_0", 4096),
        ),
        (
            b'{"descriptor":{"family":"qwen","name":"q"},"config":{"format":"gguf","paramSize":"8b",'
            b'"precision":"int4"},"modelfs":{"type":"layers","diff_ids":[]}}',
            MODELPACK_CONFIG,
            ModelConfig("gguf", "qwen", (), "8b", "int4"),
        ),
        (b"{}", OCI_EMPTY, ModelConfig()),
        (b"", OCI_EMPTY, ModelConfig()),
    ],
)
def test_other_ecosystems(raw: bytes, kind: str, expected: ModelConfig) -> None:
    assert parse_config(raw, kind) == expected


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is no JSON object"),
        (b'{"model_family":3}', "model_family: expected a text"),
        (b'{"model_families":3}', "model_families: expected a list"),
        (b'{"context_length":-1}', "context_length: expected a whole number"),
    ],
)
def test_mistakes(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidManifest, match=why):
        parse_config(raw, DOCKER_CONFIG)
    with pytest.raises(InvalidManifest, match="config: expected an object"):
        parse_config(b'{"config":3}', MODELPACK_CONFIG)


@pytest.mark.parametrize(
    ("count", "words"),
    [(999, "999"), (1500, "1.5K"), (134_515_008, "134.52M"), (7_241_732_096, "7.2B"), (10**12, "1.0T")],
)
def test_counts(count: int, words: str) -> None:
    assert count_in_words(count) == words


@given(st.binary(max_size=200), st.sampled_from([DOCKER_CONFIG, MODELPACK_CONFIG, *MODEL_RUNNER_CONFIGS]))
def test_any_bytes_give_a_value_or_one_error(raw: bytes, kind: str) -> None:
    try:
        assert isinstance(parse_config(raw, kind), ModelConfig)
    except InvalidManifest as error:
        assert str(error)
