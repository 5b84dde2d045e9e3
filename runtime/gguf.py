"""The head of a GGUF file: what the model is, and whether the file is whole, before llama.cpp maps it.

Read first: ggml docs/gguf.md. Versions 2 and 3, little endian. A file is untrusted input: every count and
length is checked against what is left of the file before it is used.
"""

from __future__ import annotations

import mmap
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

MAGIC = b"GGUF"
_MAX_KEYS = 1 << 16
_MAX_TENSORS = 1 << 20
_MAX_DIMENSIONS = 4
_MAX_TEXT_BYTES = 16 << 20
"""Of all keys, names and text values together; chat templates are the longest, of some 100 KB."""
_MAX_ITEMS = 8 << 20
"""Of arrays of arrays or strings together: the largest vocabularies have 256,000, their merges twice that."""
_FIRST_SHARD = re.compile(r"(?P<stem>.+)-00001-of-(?P<count>\d{5})\.gguf", re.ASCII | re.DOTALL)
_STRING, _ARRAY = 8, 9
# value type -> struct code (gguf.md, gguf_metadata_value_type)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_SIZES = {kind: struct.calcsize("<" + code) for kind, code in _SCALARS.items()}
# tensor type -> (elements in a block, bytes of a block); ggml-common.h
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18),
}  # fmt: skip
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
}  # fmt: skip
_COMPUTE_BYTES = 256 << 20  # working buffers of a 512-token batch, a generous round figure

Value = int | float | bool | str


class GgufError(ValueError):
    """The file is no GGUF that could be served; the text names the fault, not the file."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the header of one file says."""

    version: int
    metadata: Mapping[str, Value]
    """Scalars and strings; of an array only its length, under `KEY.length`, and the bytes of its longest
    string, under `KEY.longest`."""
    tensors: int
    parameters: int
    """Elements of all tensors of this file."""
    file_bytes: int

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    @property
    def is_adapter(self) -> bool:
        """A LoRA, which is nothing without its model."""
        return self.metadata.get("general.type") == "adapter"

    @property
    def shards(self) -> int:
        """Files that the model is cut into by llama.cpp's gguf-split; this is one of them."""
        return max(1, self._number("split.count", 1))

    @property
    def name(self) -> str:
        return str(self.metadata.get("general.name", ""))

    @property
    def quantisation(self) -> str:
        """Such as `Q4_K_M`; empty if the file does not say."""
        return _FILE_TYPES.get(self._number("general.file_type", -1), "")

    @property
    def trained_context_tokens(self) -> int:
        """0 if the file does not say."""
        return self._own_number("context_length", 0)

    @property
    def embedding_length(self) -> int:
        return self._own_number("embedding_length", 0)

    @property
    def pooling(self) -> int | None:
        """llama.cpp's pooling type; None for a model that was not made for embeddings."""
        value = self._own_number("pooling_type", -1)
        return None if value < 0 else value

    @property
    def longest_token_bytes(self) -> int:
        """Bytes of text that one token stands for at most, as a vocabulary spells each in one or more; 0 if
        nothing can be told: other kinds than these two have one token for any word that they do not know.
        """
        is_spelled_out = self.metadata.get("tokenizer.ggml.model") in ("gpt2", "llama")
        return self._number("tokenizer.ggml.tokens.longest", 0) if is_spelled_out else 0

    @property
    def generates(self) -> bool:
        """False for encoders, which embed only."""
        return self.metadata.get(f"{self.architecture}.attention.causal", True) is not False

    @property
    def chat_template(self) -> str:
        return str(self.metadata.get("tokenizer.chat_template", ""))

    def has_tools(self, template: str | None = None) -> bool:
        """Whether the chat template (or the one that replaces it) has a place for tools."""
        text = self.chat_template if template is None else template
        return "tools" in text or "tool_call" in text

    def memory_bytes(self, context_tokens: int) -> int:
        """Estimate for the model with `context_tokens` in all slots together: weights, f16 KV cache,
        buffers.
        """
        heads = self._own_number("attention.head_count", 1)
        kv_heads = self._own_number("attention.head_count_kv", heads)
        head = self.embedding_length // max(1, heads)
        key = self._own_number("attention.key_length", head)
        value = self._own_number("attention.value_length", head)
        kv_bytes = self._own_number("block_count", 0) * kv_heads * (key + value) * 2 * context_tokens
        return self.file_bytes + kv_bytes + _COMPUTE_BYTES

    def _own_number(self, key: str, default: int) -> int:
        return self._number(f"{self.architecture}.{key}", default)

    def _number(self, key: str, default: int) -> int:
        """What is no number is as good as nothing: NaN, infinity, a text."""
        value = self.metadata.get(key, default)
        try:
            return default if isinstance(value, str) else int(value)
        except (ValueError, OverflowError):
            return default


def read_header(path: Path) -> GgufHeader:
    """The header of the file at `path`; OSError if it cannot be read, GgufError if it is not whole."""
    if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():  # opening a pipe would wait for ever
        raise GgufError("not a regular file")
    with path.open("rb") as file:
        head = file.read(4)
        if not head:
            raise GgufError("the file is empty")
        if head != MAGIC:
            raise GgufError(f"not a GGUF file: it begins with {head!r} where 'GGUF' should be")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return parse_header(data)


def parse_header(data: mmap.mmap | bytes) -> GgufHeader:
    """The header of a whole file in memory; GgufError if it is not whole."""
    cursor = _Cursor(data)
    if cursor.take(4) != MAGIC:
        raise GgufError("not a GGUF file")
    version = cursor.number("I")
    if version not in (2, 3):
        if version & 0xFFFF == 0:
            raise GgufError("a big-endian GGUF; only little-endian files can be served")
        raise GgufError(f"GGUF version {version}; versions 2 and 3 can be served")
    tensors, keys = cursor.number("Q"), cursor.number("Q")
    if tensors > _MAX_TENSORS or keys > _MAX_KEYS:
        raise GgufError(f"broken header: {tensors} tensors, {keys} keys")
    metadata: dict[str, Value] = {}
    for _ in range(keys):
        _read_pair(cursor, metadata)
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
        raise GgufError(f"broken header: alignment {alignment!r}")
    parameters, end = _read_tensors(cursor, tensors)
    start = -(-cursor.at // alignment) * alignment
    if start + end > len(data):
        raise GgufError(f"the file is cut off: {len(data):,} bytes of {start + end:,}")
    header = GgufHeader(version, metadata, tensors, parameters, len(data))
    if header.shards > 1:  # the first may have no tensors, the others have little but them
        return header
    if not header.architecture:
        raise GgufError("no general.architecture in the metadata")
    if not tensors:
        raise GgufError("the file has no tensors")
    return header


def read_headers(path: Path) -> tuple[GgufHeader, list[Path]]:
    """The header of a whole model, and its files: `path` alone, or all shards, of which it is the first.

    OSError, GgufError.
    """
    first = read_header(path)
    if first.shards == 1:
        return first, [path]
    if (found := _FIRST_SHARD.fullmatch(path.name)) is None or int(found["count"]) != first.shards:
        raise GgufError(
            f"is one of a model's {first.shards} shards: name the first, NAME-00001-of-{first.shards:05}.gguf"
        )
    if not first.architecture:
        raise GgufError("no general.architecture in the metadata of the first shard")
    paths = [
        path.with_name(f"{found['stem']}-{number:05}-of-{first.shards:05}.gguf")
        for number in range(1, first.shards + 1)
    ]
    headers = [first]
    for shard in paths[1:]:
        try:
            headers.append(read_header(shard))
        except FileNotFoundError:
            raise GgufError(f"the shard {shard.name} is not beside it") from None
        except GgufError as error:
            raise GgufError(f"the shard {shard.name}: {error}") from None
    return replace(
        first,
        tensors=sum(one.tensors for one in headers),
        parameters=sum(one.parameters for one in headers),
        file_bytes=sum(one.file_bytes for one in headers),
    ), paths


def _read_pair(cursor: _Cursor, metadata: dict[str, Value]) -> None:
    key, kind = cursor.string(), cursor.number("I")
    if kind == _STRING:
        metadata[key] = cursor.string()
    elif kind == _ARRAY:
        metadata[f"{key}.length"], metadata[f"{key}.longest"] = _skip_array(cursor, depth=0)
    elif kind in _SCALARS:
        metadata[key] = cursor.scalar(_SCALARS[kind])
    else:
        raise GgufError(f"broken header: key {key!r} has the unknown type {kind}")


def _skip_array(cursor: _Cursor, depth: int) -> tuple[int, int]:
    """(its length, bytes of the longest string in it)"""
    longest = 0
    kind, count = cursor.number("I"), cursor.number("Q")
    if kind == _STRING:
        longest = cursor.skip_strings(count)
    elif kind == _ARRAY and depth < 4:
        cursor.count_items(count)
        for _ in range(count):
            _skip_array(cursor, depth + 1)
    elif kind in _SIZES:
        cursor.skip(count * _SIZES[kind])
    else:
        raise GgufError(f"broken header: an array of the unknown type {kind}")
    return count, longest


def _read_tensors(cursor: _Cursor, count: int) -> tuple[int, int]:
    """(elements of all tensors, where the last one's data ends)"""
    parameters = end = 0
    for _ in range(count):
        name, dimensions = cursor.string(), cursor.number("I")
        if dimensions > _MAX_DIMENSIONS:
            raise GgufError(f"broken header: tensor {name!r} has {dimensions} dimensions")
        elements = 1
        for _ in range(dimensions):
            elements *= cursor.number("Q")
        kind, offset = cursor.number("I"), cursor.number("Q")
        block, size = _BLOCKS.get(
            kind, (1, 0)
        )  # a type newer than this table: its place is checked, not its length
        parameters += elements
        end = max(end, offset + elements // block * size)
    return parameters, end


class _Cursor:
    """A place in the data; every step is checked against its end."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self._data = data
        self._size = len(data)
        self._text_bytes = self._items = 0
        self.at = 0

    def take(self, count: int) -> bytes:
        start = self.at
        self.skip(count)
        return self._data[start : self.at]

    def skip(self, count: int) -> None:
        self.check_left(count)
        self.at += count

    def check_left(self, count: int) -> None:
        if count > self._size - self.at:
            raise GgufError(f"the file is cut off inside its header, at byte {self._size:,}")

    def number(self, code: str) -> int:
        return int(struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0])

    def scalar(self, code: str) -> Value:
        value: Value = struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]
        return value

    def string(self) -> str:
        count = self.number("Q")
        self.check_left(count)
        self._text_bytes += count
        if self._text_bytes > _MAX_TEXT_BYTES:
            raise GgufError(f"broken header: more than {_MAX_TEXT_BYTES >> 20} MiB of text")
        return self.take(count).decode(errors="replace")

    def count_items(self, count: int) -> None:
        """Before a loop over them."""
        self._items += count
        if self._items > _MAX_ITEMS:
            raise GgufError(f"broken header: arrays of {self._items:,} items")

    def skip_strings(self, count: int) -> int:
        """Bytes of the longest. A vocabulary has some 100,000 entries: one tight loop."""
        data, at, size, unpack = self._data, self.at, self._size, struct.Struct("<Q").unpack_from
        if count > (size - at) // 8:
            raise GgufError(f"the file is cut off inside its header, at byte {size:,}")
        self.count_items(count)
        longest = 0
        for _ in range(count):
            if at + 8 > size:
                raise GgufError(f"the file is cut off inside its header, at byte {size:,}")
            length = unpack(data, at)[0]
            if length > longest:
                longest = length
            at += 8 + length
        self.at = at
        self.skip(0)
        return longest
