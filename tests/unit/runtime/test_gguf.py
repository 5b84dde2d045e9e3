"""GGUF headers: what is read, and what is refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.gguf import GgufError, parse_header, read_header, read_headers


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
    assert header.longest_token_bytes == 0
    assert header.generates and header.pooling is None


@pytest.mark.parametrize(("model", "longest"), [("gpt2", 2), ("llama", 2), ("bert", 0), ("t5", 0)])
def test_longest_token_where_tokens_spell_out_a_text(model: str, longest: int) -> None:
    header = parse_header(gguf([*PAIRS, pair("tokenizer.ggml.model", 8, text(model))]))
    assert header.longest_token_bytes == longest


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
        (gguf([pair("x", 8, text("y" * (9 << 20)))] * 2), "more than 16 MiB of text"),
        (gguf([pair("x", 9, struct.pack("<IQ", 9, 9 << 20) + bytes(80 << 20))]), "arrays of 9,437,184 items"),
        (gguf([pair("x", 9, struct.pack("<IQ", 8, 9 << 20) + bytes(80 << 20))]), "arrays of 9,437,184 items"),
    ],
)
def test_refusals(data: bytes, why: str) -> None:
    with pytest.raises(GgufError, match=why):
        parse_header(data)


FILE_TYPE = "general.file_type"


@pytest.mark.parametrize(("kind", "form"), [(6, "f"), (12, "d")])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none(kind: int, form: str, value: float) -> None:
    keys = (
        "general.file_type",
        "llama.context_length",
        "llama.block_count",
        "llama.pooling_type",
        "split.count",
    )
    pairs = [pair(key, kind, struct.pack(f"<{form}", value)) for key in keys]
    header = parse_header(gguf([PAIRS[0], *pairs]))
    assert (header.quantisation, header.trained_context_tokens, header.pooling) == ("", 0, None)
    assert header.memory_bytes(1000) > header.file_bytes


def u16(key: str, value: int) -> bytes:
    return pair(key, 2, struct.pack("<H", value))


def test_a_model_in_shards_is_one_model(tmp_path: Path) -> None:
    paths = [tmp_path / f"big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    paths[0].write_bytes(gguf([*PAIRS, u16("split.no", 0), u16("split.count", 3)]))
    for number, path in enumerate(paths[1:], 1):
        path.write_bytes(gguf([u16("split.no", number), u16("split.count", 3)]))
    header, found = read_headers(paths[0])
    assert found == paths
    assert (header.parameters, header.tensors, header.architecture) == (96, 3, "llama")
    assert header.file_bytes == sum(path.stat().st_size for path in paths)
    with pytest.raises(GgufError, match="one of a model's 3 shards: name the first, NAME-00001-of-00003"):
        read_headers(paths[1])
    paths[2].write_bytes(paths[2].read_bytes()[:-1])
    with pytest.raises(GgufError, match=r"the shard big-00003-of-00003\.gguf: the file is cut off"):
        read_headers(paths[0])
    paths[2].unlink()
    with pytest.raises(GgufError, match=r"the shard big-00003-of-00003\.gguf is not beside it"):
        read_headers(paths[0])


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_parse_or_are_refused(noise: bytes, at: int) -> None:
    whole = gguf()
    at = min(at, len(whole))
    for data in (noise, b"GGUF" + noise, whole[:at] + noise + whole[at + len(noise) :]):
        try:
            header = parse_header(data)
        except GgufError:
            continue
        assert header.memory_bytes(1000) and header.shards and header.trained_context_tokens is not None


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
