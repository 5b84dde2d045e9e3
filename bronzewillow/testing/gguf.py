"""GGUF files made for tests: a header and float tensors (ggml docs/gguf.md, version 3, little endian)."""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Mapping, Sequence

_ALIGNMENT = 32
_UINT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 6, 7, 8, 9
_F32 = 0

Value = int | float | bool | str | Sequence[str]
Tensor = tuple[tuple[int, ...], "array[float]"]
"""Dimensions, the innermost first, and the elements."""


def emit_gguf(metadata: Mapping[str, Value], tensors: Mapping[str, Tensor]) -> bytes:
    """A whole file."""
    head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
    for key, value in metadata.items():
        head += _string(key) + _value(value)
    data = bytearray()
    for name, (dimensions, elements) in tensors.items():
        head += _string(name) + struct.pack("<I", len(dimensions))
        head += struct.pack(f"<{len(dimensions)}Q", *dimensions) + struct.pack("<IQ", _F32, len(data))
        data += elements.tobytes()
        data += bytes(-len(data) % _ALIGNMENT)
    return bytes(head + bytes(-len(head) % _ALIGNMENT) + data)


def random_tensor(rng: random.Random, *dimensions: int, scale: float = 1.0) -> Tensor:
    """A tensor of noise."""
    size = 1
    for length in dimensions:
        size *= length
    return dimensions, array("f", (rng.uniform(-scale, scale) for _ in range(size)))


def lora(architecture: str, name: str, inner: int, outer: int, *, scale: float, rank: int = 4) -> bytes:
    """An adapter that adds noise to the weight `name`, which maps `inner` numbers to `outer`."""
    rng = random.Random(7)
    metadata: dict[str, Value] = {
        "general.type": "adapter",
        "general.architecture": architecture,
        "adapter.type": "lora",
        "adapter.lora.alpha": float(rank),
    }
    tensors = {
        f"{name}.lora_a": random_tensor(rng, inner, rank, scale=scale),
        f"{name}.lora_b": random_tensor(rng, rank, outer, scale=scale),
    }
    return emit_gguf(metadata, tensors)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", _FLOAT32, value)
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _string(value)
    return struct.pack("<IIQ", _ARRAY, _STRING, len(value)) + b"".join(map(_string, value))
