"""GGUF files made for tests: a header and float tensors (ggml docs/gguf.md, version 3, little endian)."""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Mapping, Sequence

_ALIGNMENT = 32
_UINT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 6, 7, 8, 9
_F32 = 0

Value = int | float | bool | str | Sequence[str] | Sequence[float]
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


def projector(outer: int) -> bytes:
    """A tiny vision tower of noise, of LLaVA's kind, for a model whose embeddings have `outer` numbers."""
    rng = random.Random(11)
    width, inner, patch, side = 32, 64, 14, 28
    metadata: dict[str, Value] = {
        "general.architecture": "clip",
        "general.type": "mmproj",
        "clip.has_vision_encoder": True,
        "clip.projector_type": "mlp",
        "clip.use_gelu": True,
        "clip.vision.image_size": side,
        "clip.vision.patch_size": patch,
        "clip.vision.embedding_length": width,
        "clip.vision.feed_forward_length": inner,
        "clip.vision.block_count": 2,
        "clip.vision.projection_dim": outer,
        "clip.vision.attention.head_count": 2,
        "clip.vision.attention.layer_norm_epsilon": 1e-5,
        "clip.vision.image_mean": (0.5, 0.5, 0.5),
        "clip.vision.image_std": (0.5, 0.5, 0.5),
    }
    shapes: dict[str, tuple[int, ...]] = {
        "v.class_embd": (width,),
        "v.patch_embd.weight": (patch, patch, 3, width),
        "v.position_embd.weight": (width, (side // patch) ** 2 + 1),
        "mm.0.weight": (width, outer),
        "mm.2.weight": (outer, outer),
    }
    for name in ("v.pre_ln", "v.post_ln"):
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)
    for block in ("v.blk.0", "v.blk.1"):
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            shapes[f"{block}.{name}.weight"] = (width, width)
            shapes[f"{block}.{name}.bias"] = (width,)
        shapes[f"{block}.ffn_up.weight"], shapes[f"{block}.ffn_up.bias"] = (width, inner), (inner,)
        shapes[f"{block}.ffn_down.weight"], shapes[f"{block}.ffn_down.bias"] = (inner, width), (width,)
        for name in ("ln1", "ln2"):
            shapes[f"{block}.{name}.weight"] = shapes[f"{block}.{name}.bias"] = (width,)
    shapes["mm.0.bias"] = shapes["mm.2.bias"] = (outer,)
    tensors = {name: random_tensor(rng, *shape, scale=0.3) for name, shape in shapes.items()}
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
    if value and isinstance(value[0], float):
        return struct.pack(f"<IIQ{len(value)}f", _ARRAY, _FLOAT32, len(value), *value)
    return struct.pack("<IIQ", _ARRAY, _STRING, len(value)) + b"".join(_string(str(one)) for one in value)
