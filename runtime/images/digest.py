"""Digests: `ALGORITHM:HEX`, the names of blobs (OCI image specification, descriptor.md)."""

from __future__ import annotations

import hashlib
import re

from runtime.images.errors import InvalidDigest

_SHAPES = {"sha256": re.compile("[0-9a-f]{64}"), "sha512": re.compile("[0-9a-f]{128}")}


def parse_digest(text: str) -> str:
    """`text`, when it is a digest by an algorithm that can be checked. InvalidDigest."""
    algorithm, _, value = text.partition(":")
    shape = _SHAPES.get(algorithm)
    if shape is None or not shape.fullmatch(value):
        raise InvalidDigest(f"{text[:100]!r} is no digest, such as sha256: and 64 hex digits")
    return text


def digest_of(data: bytes) -> str:
    """The sha256 of `data`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
