"""What the files of a volume hold, from the objects that it names. Pure.

Source: kubernetes/kubernetes, pkg/volume/configmap, secret, downwardapi, projected.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from kubelet.model.pod_spec import Object, mapping, objects, sequence, text
from kubelet.volumes.errors import VolumeError

DEFAULT_MODE = 0o644
_MODE_BITS = 0o777


@dataclass(frozen=True, slots=True)
class File:
    """A file of a volume."""

    data: bytes
    mode: int = DEFAULT_MODE


Payload = dict[str, File]
"""By the path below the volume."""


def config_map_payload(source: Object, found: Object | None, name: str, mode: int) -> Payload:
    """`found`: the ConfigMap; None where there is none. VolumeError."""
    if found is None:
        return _missing(source, f'configmap "{name}" not found')
    data = {
        key: value.encode() for key, value in mapping(found.get("data")).items() if isinstance(value, str)
    }
    data |= {key: _decoded(value, key) for key, value in mapping(found.get("binaryData")).items()}
    return _chosen(source, data, mode, "configmap references non-existent config key: ")


def secret_payload(source: Object, found: Object | None, name: str, mode: int) -> Payload:
    """`found`: the Secret; None where there is none. VolumeError."""
    if found is None:
        return _missing(source, f'secret "{name}" not found')
    data = {key: _decoded(value, key) for key, value in mapping(found.get("data")).items()}
    return _chosen(source, data, mode, "references non-existent secret key: ")


def downward_payload(items: Iterable[Object], value_of: Callable[[Object], str], mode: int) -> Payload:
    """`value_of`: what an item's fieldRef or resourceFieldRef says. VolumeError, ValueError."""
    return {
        checked_path(text(item.get("path"))): File(value_of(item).encode(), mode_of(item.get("mode"), mode))
        for item in items
    }


def mode_of(value: object, default: int = DEFAULT_MODE) -> int:
    """JSON has it in decimal."""
    return value & _MODE_BITS if isinstance(value, int) and not isinstance(value, bool) else default


def checked_path(path: str) -> str:
    """Relative, and staying below the volume. VolumeError."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or parts[0].startswith("..") or "\0" in path:
        raise VolumeError(f"invalid path {path!r}: must be relative, without '..'")
    return str(PurePosixPath(path))


def merged(payloads: Iterable[Payload]) -> Payload:
    """Of a projected volume; where two have one path the later counts."""
    found: Payload = {}
    for payload in payloads:
        found.update(payload)
    return found


def _missing(source: Object, words: str) -> Payload:
    if source.get("optional") is True:
        return {}
    raise VolumeError(words)


def _chosen(source: Object, data: Mapping[str, bytes], mode: int, words: str) -> Payload:
    if not sequence(source.get("items")):
        return {checked_path(key): File(value, mode) for key, value in data.items()}
    chosen: Payload = {}
    for item in objects(source.get("items")):
        key = text(item.get("key"))
        if key in data:
            chosen[checked_path(text(item.get("path")))] = File(data[key], mode_of(item.get("mode"), mode))
        elif source.get("optional") is not True:
            raise VolumeError(words + key)
    return chosen


def _decoded(value: object, key: str) -> bytes:
    try:
        return base64.b64decode(text(value), validate=True)
    except (binascii.Error, ValueError):
        raise VolumeError(f"key {key}: its value is not base64") from None
