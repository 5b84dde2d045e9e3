"""Errors of the model's file, as a user reads them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bronzewillow.testing.gguf import Value, emit_gguf, lora, projector, random_tensor
from runtime.engine.interface import LoadError
from runtime.engine.model_file import open_model


def test_errors_name_the_file_and_the_fault(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"nothing\.gguf: no such file"):
        open_model(tmp_path / "nothing.gguf")
    with pytest.raises(LoadError, match="is a folder"):
        open_model(tmp_path)
    (tmp_path / "x.gguf").write_text("<html>")
    with pytest.raises(LoadError, match=r"x\.gguf: not a GGUF file"):
        open_model(tmp_path / "x.gguf")


def test_adapters_and_projectors_fit_their_model(tmp_path: Path) -> None:
    model: dict[str, Value] = {"general.architecture": "llama", "llama.embedding_length": 32}
    tensors = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}
    (tmp_path / "model.gguf").write_bytes(emit_gguf(model, tensors))
    (tmp_path / "lora.gguf").write_bytes(lora("llama", "blk.0.ffn_down.weight", 8, 8, scale=1.0))
    (tmp_path / "fits.gguf").write_bytes(projector(32))
    (tmp_path / "other.gguf").write_bytes(projector(64))
    path, adapter = tmp_path / "model.gguf", tmp_path / "lora.gguf"
    assert open_model(path, (adapter,), tmp_path / "fits.gguf").architecture == "llama"
    with pytest.raises(LoadError, match=r"other\.gguf: is for models with 64 numbers .* this one has 32"):
        open_model(path, (), tmp_path / "other.gguf")
    with pytest.raises(LoadError, match=r"model\.gguf: is no projector: its architecture is 'llama'"):
        open_model(path, (), path)
    with pytest.raises(LoadError, match="is an adapter, not a model"):
        open_model(adapter)
