"""What `runm serve` was told, and what follows from it before anything is loaded."""

from __future__ import annotations

import logging
import random
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.gguf import Value, emit_gguf, random_tensor
from runtime.gguf import GgufHeader
from runtime.runm.listen import Address
from runtime.runm.serve_config import (
    ServeConfig,
    ServeError,
    check_memory,
    engine_config,
    model_card,
    read_model,
)

METADATA: dict[str, Value] = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "llama.context_length": 8192,
    "llama.block_count": 1,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 1,
    "tokenizer.chat_template": "{{ messages }}",
}
HERE = (Address(path=Path("/unused")),)
MACHINE = 1 << 30


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(emit_gguf(METADATA, {"token_embd.weight": random_tensor(random.Random(1), 64, 8)}))
    return path


def told(model: Path, **fields: Any) -> tuple[ServeConfig, GgufHeader]:
    config = ServeConfig(model, HERE, **fields)
    header = read_model(config)
    assert header is not None
    return config, header


def test_only_an_engine_without_a_model_needs_none() -> None:
    assert read_model(ServeConfig(None, HERE, engine="echo")) is None
    with pytest.raises(ServeError, match="say --model"):
        read_model(ServeConfig(None, HERE))


@pytest.mark.parametrize(("asked", "context"), [(0, 4096), (2048, 2048), (8192, 8192)])
def test_the_context_is_what_was_asked_or_4096_at_most(
    model: Path, asked: int, context: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert engine_config(*told(model, context_tokens=asked)).context_tokens == context
    assert caplog.text == ""


def test_a_context_beyond_the_training_is_warned_of(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert engine_config(*told(model, context_tokens=9000)).context_tokens == 9000
    assert "--context 9000 is more than the 8192 tokens" in caplog.text


def test_a_model_that_needs_more_than_the_limit_is_refused_with_what_it_needs(model: Path) -> None:
    config, header = told(model, memory_limit_bytes=1 << 20)
    settings = engine_config(config, header)
    assert header.memory_bytes(settings.context_tokens * settings.parallel) > 1 << 20
    with pytest.raises(
        ServeError, match=r"with 4 slots of 4096 tokens, the limit is 0\.00 GiB: lower --context"
    ):
        check_memory(config, settings, header, MACHINE)


def test_without_a_limit_it_is_what_the_machine_has(model: Path) -> None:
    config, header = told(model, context_tokens=9_999_999)
    settings = engine_config(config, header)
    cure = r"slots of 9999999 tokens, this machine has 1\.00 GiB: lower .* with --memory-limit 0$"
    with pytest.raises(ServeError, match=cure):
        check_memory(config, settings, header, MACHINE)
    check_memory(told(model, memory_limit_bytes=0)[0], settings, header, MACHINE)


def test_adapters_and_a_projector_count(model: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.write_bytes(bytes(4096))
    config, header = told(model)
    settings = engine_config(config, header)
    need = header.memory_bytes(settings.context_tokens * settings.parallel)
    check_memory(ServeConfig(model, HERE, memory_limit_bytes=need), settings, header, MACHINE)
    limited = ServeConfig(model, HERE, memory_limit_bytes=need, adapters=(adapter,))
    with pytest.raises(ServeError, match="the limit is"):
        check_memory(limited, engine_config(limited, header), header, MACHINE)


def test_the_card_has_the_files_name_unless_another_was_said(model: Path) -> None:
    card = model_card(*told(model, aliases=("small",)))
    assert (card.name, card.aliases, card.meta["n_ctx_train"]) == ("tiny", ("small",), 8192)
    assert model_card(*told(model, name="team/tiny")).name == "team/tiny"
    assert model_card(ServeConfig(None, HERE, engine="echo"), None).name == "echo"
