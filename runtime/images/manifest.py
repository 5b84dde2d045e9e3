"""Manifests and indexes: what an image is made of, by digest.

Source: OCI image specification, manifest.md, image-index.md and descriptor.md; Docker's image manifest v2,
schema 2. The bytes are kept as they came: a manifest's digest is that of its bytes, and what was read is
never written anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.images.digest import digest_of, parse_digest
from runtime.images.errors import InvalidDigest, InvalidManifest
from runtime.images.media_types import DOCKER_MANIFEST, INDEXES, MANIFESTS

LONGEST_BYTES = 4 << 20
"""OCI distribution specification: registries take at least this, and many no more."""
MOST_DESCRIPTORS = 1000
"""Layers of a manifest, manifests of an index."""
_KNOWN = {"mediaType", "digest", "size", "annotations", "platform", "artifactType"}


@dataclass(frozen=True, slots=True)
class Platform:
    """Whom one manifest of an index is for."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob, and what it is."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    artifact_type: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of no standard, such as Ollama's `from`."""

    def to_json(self) -> dict[str, Any]:
        """In the order in which Ollama and Docker write it."""
        value: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        value |= self.extra
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        return value


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of one image."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    raw: bytes
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of the bytes as they came."""
        return digest_of(self.raw)

    @property
    def descriptor(self) -> Descriptor:
        """How others refer to it."""
        return Descriptor(self.media_type, self.digest, len(self.raw))

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Configuration and layers, each once."""
        return tuple({one.digest: one for one in (self.config, *self.layers)}.values())


@dataclass(frozen=True, slots=True)
class Index:
    """Several images under one name."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    raw: bytes

    @property
    def digest(self) -> str:
        """Of the bytes as they came."""
        return digest_of(self.raw)

    def choose(self, platforms: Sequence[Platform]) -> Descriptor:
        """The first that is for one of `platforms`, the best first; else one for nobody in particular.

        InvalidManifest when there is none.
        """
        for wanted in platforms:
            for one in self.manifests:
                if one.platform is not None and _fits(one.platform, wanted):
                    return one
        for one in self.manifests:
            if one.platform is None or one.platform.os in ("", "unknown"):
                return one
        there = ", ".join(
            f"{one.platform.os}/{one.platform.architecture}" for one in self.manifests if one.platform
        )
        raise InvalidManifest(f"the index has no image for this machine, only for: {there or 'nobody'}")


def our_platforms() -> tuple[Platform, ...]:
    """What an index is asked for; models are of no platform, so any will do when it has one for Macs."""
    own = "darwin" if sys.platform == "darwin" else "linux"
    return tuple(Platform(os, arch) for os in (own, "linux") for arch in ("arm64", "amd64"))


def parse_manifest(raw: bytes, content_type: str = "") -> Manifest | Index:
    """What a registry or a store has under a name. InvalidManifest.

    `content_type`, without parameters, counts where the document does not name its own type.
    """
    if len(raw) > LONGEST_BYTES:
        raise InvalidManifest(f"a manifest of {len(raw):,} bytes; {LONGEST_BYTES:,} are the most")
    try:
        document = json.loads(raw.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"the manifest is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidManifest("the manifest is no JSON object")
    if document.get("schemaVersion") != 2:
        raise InvalidManifest(f"schemaVersion {document.get('schemaVersion')!r}; 2 is supported")
    media_type = document.get("mediaType") or content_type.partition(";")[0].strip()
    if not media_type:
        media_type = MANIFESTS[1] if "config" in document else INDEXES[1]
    if media_type in MANIFESTS:
        return Manifest(
            media_type,
            _descriptor(document.get("config"), "config"),
            _descriptors(document, "layers"),
            raw,
            _text(document, "artifactType"),
            _annotations(document, "annotations"),
        )
    if media_type in INDEXES:
        return Index(media_type, _descriptors(document, "manifests"), raw)
    raise InvalidManifest(f"{media_type!r} is neither a manifest nor an index")


def emit_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """A manifest in the form that Ollama writes and reads: Docker's type, its key order, a final newline."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": config.to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _fits(platform: Platform, wanted: Platform) -> bool:
    same = (platform.os, platform.architecture) == (wanted.os, wanted.architecture)
    return same and platform.variant in ("", wanted.variant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values of one key are two readings of one document; RFC 8259 4 leaves it to us."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _descriptors(document: dict[str, Any], name: str) -> tuple[Descriptor, ...]:
    values = document.get(name)
    if not isinstance(values, list):
        raise InvalidManifest(f"{name}: expected a list")
    if len(values) > MOST_DESCRIPTORS:
        raise InvalidManifest(f"{name}: {len(values)} of them; {MOST_DESCRIPTORS} are the most")
    return tuple(_descriptor(value, f"{name}[{number}]") for number, value in enumerate(values))


def _descriptor(value: object, place: str) -> Descriptor:
    if not isinstance(value, dict):
        raise InvalidManifest(f"{place}: expected an object")
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise InvalidManifest(f"{place}.size: {size!r} is no number of bytes")
    try:
        digest = parse_digest(_text(value, "digest", place))
    except InvalidDigest as error:
        raise InvalidManifest(f"{place}.digest: {error}") from None
    return Descriptor(
        _text(value, "mediaType", place),
        digest,
        size,
        _annotations(value, "annotations", place),
        _platform(value.get("platform"), place),
        _text(value, "artifactType", place),
        {key: one for key, one in value.items() if key not in _KNOWN},
    )


def _platform(value: object, place: str) -> Platform | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidManifest(f"{place}.platform: expected an object")
    where = f"{place}.platform"
    return Platform(
        _text(value, "os", where), _text(value, "architecture", where), _text(value, "variant", where)
    )


def _annotations(value: dict[str, Any], name: str, place: str = "manifest") -> dict[str, str]:
    found = value.get(name) or {}
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise InvalidManifest(f"{place}.{name}: expected an object of strings")
    return found


def _text(value: dict[str, Any], name: str, place: str = "manifest") -> str:
    text = value.get(name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise InvalidManifest(f"{place}.{name}: expected a string")
    return text
