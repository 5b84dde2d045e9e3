"""Files made for tests are files that runm reads."""

from __future__ import annotations

from array import array

from bronzewillow.testing.gguf import Value, emit_gguf, lora
from runtime.gguf import parse_header


def test_what_is_written_is_read() -> None:
    metadata: dict[str, Value] = {
        "general.architecture": "llama",
        "llama.context_length": 64,
        "x.flag": True,
        "x.rate": 0.5,
        "x.words": ("a", "bc"),
    }
    header = parse_header(emit_gguf(metadata, {"t": ((2, 3), array("f", range(6)))}))
    assert header.metadata == {
        "general.architecture": "llama",
        "llama.context_length": 64,
        "x.flag": True,
        "x.rate": 0.5,
        "x.words.length": 2,
        "x.words.longest": 2,
    }
    assert (header.tensors, header.parameters) == (1, 6)


def test_an_adapter_says_that_it_is_one() -> None:
    header = parse_header(lora("llama", "blk.0.attn_q.weight", 8, 8, scale=1.0))
    assert header.is_adapter
    assert header.parameters == 2 * 8 * 4
