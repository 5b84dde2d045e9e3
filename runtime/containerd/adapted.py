"""An image as containerd can unpack it: with the root file system that model images do not tell of.

containerd names the snapshot of a layer by its chain id, which it computes from `rootfs.diff_ids` (OCI image
specification, config.md). Ollama's images have had none since 2024, and are all said to be for linux/amd64.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import dataclass
from typing import Any

from bronzewillow.host.parsing import parse_json
from runtime.containerd.errors import NotAdoptable
from runtime.images.media_types import DOCKER_CONFIG, OCI_CONFIG

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Adapted:
    """Both documents, and what containerd will make of them."""

    manifest: bytes
    config: bytes
    diff_ids: tuple[str, ...]
    """Of the layers, in their order."""

    @property
    def chain_ids(self) -> list[str]:
        """The names of the layers' snapshots (OCI image specification, config.md, Layer ChainID)."""
        found = list(self.diff_ids[:1])
        for diff_id in self.diff_ids[1:]:
            found.append(digest_of(f"{found[-1]} {diff_id}".encode()))
        return found


def adapt(manifest: bytes, config: bytes, system: str, architecture: str) -> Adapted:
    """The same image for containerd on `system`; itself where nothing has to be changed. NotAdoptable."""
    document = _object(manifest, "manifest")
    settings = _object(config, "configuration")
    layers = [str(layer["digest"]) for layer in document["layers"]]
    if not layers:
        raise NotAdoptable("the image has no layers")
    is_image = document["config"].get("mediaType") in (DOCKER_CONFIG, OCI_CONFIG)
    told = settings.get("rootfs") if is_image else None
    diff_ids = told.get("diff_ids") if isinstance(told, dict) else None
    here = (settings.get("os"), settings.get("architecture")) == (system, architecture)
    if isinstance(diff_ids, list) and len(diff_ids) == len(layers):
        layers = [str(one) for one in diff_ids]
        if here:
            return Adapted(manifest, config, tuple(layers))
    kept = settings if is_image else {}
    told = {"type": "layers", "diff_ids": layers}
    new_config = _bytes({**kept, "os": system, "architecture": architecture, "rootfs": told})
    described = {**document["config"], "digest": digest_of(new_config), "size": len(new_config)}
    if not is_image:
        described["mediaType"] = OCI_CONFIG
    return Adapted(_bytes({**document, "config": described}), new_config, tuple(layers))


def this_platform() -> tuple[str, str]:
    """System and architecture, in Go's words."""
    machine = platform.machine().lower()
    return sys.platform, _ARCHITECTURES.get(machine, machine)


def digest_of(data: bytes) -> str:
    """As the OCI writes it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _object(raw: bytes, what: str) -> dict[str, Any]:
    try:
        found = parse_json(raw)
    except ValueError as error:
        raise NotAdoptable(f"the image's {what} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise NotAdoptable(f"the image's {what} is no JSON object")
    return found


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
