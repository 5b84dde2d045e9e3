from __future__ import annotations

import random
from pathlib import Path

import pytest

from bronzewillow.testing.gguf import emit_gguf, lora, random_tensor
from runtime.images.modelfile import parse_modelfile
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore, StoredImage
from runtime.imagestore.build import build

TENSORS = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}


class Workshop:
    """A folder with files to build from, and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = ImageStore(folder / "store")
        (folder / "tiny.gguf").write_bytes(
            emit_gguf(
                {"general.architecture": "llama", "general.file_type": 3, "llama.context_length": 64}, TENSORS
            )
        )
        (folder / "clip.gguf").write_bytes(emit_gguf({"general.architecture": "clip"}, TENSORS))
        (folder / "lora.gguf").write_bytes(lora("llama", "blk.0.ffn_down.weight", 8, 8, scale=1.0))
        (folder / "other.gguf").write_bytes(lora("qwen2", "blk.0.ffn_down.weight", 8, 8, scale=1.0))

    def make(self, name: str, text: str) -> StoredImage:
        descriptor = build(self.store, parse_modelfile(text), self.folder, self.store.get)
        self.store.name(parse_reference(name), descriptor)
        return self.store.get(name)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
