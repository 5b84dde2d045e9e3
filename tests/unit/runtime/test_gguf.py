"""GGUF headers: what is read, and what is refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.gguf import GgufError, parse_header, read_header


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def u32(key: str, value: int) -> bytes:
    return pair(key, 4, struct.pack("<I", value))


PAIRS = [
    pair("general.architecture", 8, text("llama")),
    pair("general.name", 8, text("Tiny")),
    u32("general.file_type", 15),
    u32("llama.context_length", 2048),
    u32("llama.embedding_length", 64),
    u32("llama.block_count", 2),
    u32("llama.attention.head_count", 4),
    u32("llama.attention.head_count_kv", 2),
    pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("bc")),
    pair("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 2) + bytes(8)),
    pair("tokenizer.chat_template", 8, text("{% if tools %}{% endif %}")),
]


def gguf(
    pairs: list[bytes] = PAIRS,
    *,
    version: int = 3,
    magic: bytes = b"GGUF",
    kind: int = 2,
    data_bytes: int = 18,
) -> bytes:
    head = magic + struct.pack("<IQQ", version, 1, len(pairs)) + b"".join(pairs)
    head += text("weight") + struct.pack("<I", 1) + struct.pack("<Q", 32) + struct.pack("<IQ", kind, 0)
    return head + bytes(-len(head) % 32) + bytes(data_bytes)


def test_facts() -> None:
    header = parse_header(gguf())
    assert (header.architecture, header.name, header.quantisation) == ("llama", "Tiny", "Q4_K_M")
    assert (header.trained_context_tokens, header.parameters, header.tensors) == (2048, 32, 1)
    assert header.metadata["tokenizer.ggml.tokens.length"] == 2
    assert header.generates and header.pooling is None


def test_memory_is_weights_and_cache_and_buffers() -> None:
    header = parse_header(gguf())
    cache = header.memory_bytes(1000) - header.memory_bytes(0)
    assert cache == 2 * 2 * (16 + 16) * 2 * 1000  # layers, KV heads, key and value, two bytes, tokens


def test_tools_by_template() -> None:
    header = parse_header(gguf())
    assert header.has_tools()
    assert not header.has_tools("{{ messages }}")


def test_encoder_does_not_generate() -> None:
    pairs = [
        pair("general.architecture", 8, text("bert")),
        pair("bert.attention.causal", 7, b"\0"),
        u32("bert.pooling_type", 2),
    ]
    header = parse_header(gguf(pairs))
    assert not header.generates
    assert header.pooling == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gguf(magic=b"GGML"), "not a GGUF"),
        (gguf(version=1), "version 1"),
        (gguf(version=0x03000000), "big-endian"),
        (gguf(data_bytes=17), "cut off"),
        (gguf()[:100], "inside its header"),
        (gguf([]), "general.architecture"),
        (gguf([*PAIRS, pair("x", 99, b"")]), "unknown type 99"),
        (gguf([*PAIRS, u32("general.alignment", 3)]), "alignment"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "tensors"),
        (gguf([pair("x", 9, struct.pack("<IQ", 8, 1 << 60))]), "cut off"),
        (gguf([pair("x", 8, struct.pack("<Q", 1 << 60))]), "cut off"),
    ],
)
def test_refusals(data: bytes, why: str) -> None:
    with pytest.raises(GgufError, match=why):
        parse_header(data)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_parse_or_are_refused(noise: bytes, at: int) -> None:
    whole = gguf()
    at = min(at, len(whole))
    for data in (noise, b"GGUF" + noise, whole[:at] + noise + whole[at + len(noise) :]):
        try:
            parse_header(data)
        except GgufError:
            continue


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf())
    assert read_header(path) == parse_header(gguf())
    path.write_bytes(b"")
    with pytest.raises(GgufError, match="empty"):
        read_header(path)
    path.write_bytes(b"<htm")
    with pytest.raises(GgufError, match="begins with"):
        read_header(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(GgufError, match="not a regular file"):
        read_header(tmp_path / "pipe.gguf")
