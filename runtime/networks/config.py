"""The network configuration list that pods are attached by (CNI specification, section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bronzewillow.host.parsing import parse_json
from runtime.networks.errors import NetworkError

_ENDINGS = (".conf", ".conflist", ".json")
_LONGEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """One network configuration list, as CNI has it."""

    name: str
    version: str
    """Of the specification that its plugins are spoken to in."""
    plugins: tuple[Mapping[str, Any], ...]
    """In the order of ADD."""
    has_check: bool = True
    has_gc: bool = True


OWN_NETWORK = NetworkConfig("bronzewillow", "1.1.0", ({"type": "bronzewillow-cni"},))
"""Where nothing is configured."""


def load_network(folder: Path) -> NetworkConfig:
    """That of the first file in `folder` by name, as other runtimes choose it; else our own. NetworkError."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS)
    except FileNotFoundError:
        return OWN_NETWORK
    except OSError as error:
        raise NetworkError(f"{folder}: {error.strerror}") from None
    return _read(paths[0]) if paths else OWN_NETWORK


def parse_network(raw: bytes) -> NetworkConfig:
    """The text of a file. NetworkError."""
    try:
        document = parse_json(raw)
    except ValueError as error:
        raise NetworkError(f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise NetworkError("is no JSON object")
    version = document.get("cniVersion") or "0.2.0"
    name = document.get("name")
    if not isinstance(version, str) or not isinstance(name, str) or not name or "/" in name:
        raise NetworkError("name and cniVersion: expected texts, and no slash in the name")
    # a file with one plugin alone is the older form
    plugins = document.get("plugins", [document])
    if not isinstance(plugins, list) or not plugins:
        raise NetworkError("plugins: expected a list of one plugin or more")
    for plugin in plugins:
        kind = plugin.get("type") if isinstance(plugin, dict) else None
        if not isinstance(kind, str) or not kind or "/" in kind:
            raise NetworkError("plugins: each needs a type, which is the name of a program without a folder")
    return NetworkConfig(
        name,
        version,
        tuple(plugins),
        document.get("disableCheck") is not True,
        document.get("disableGC") is not True,
    )


def _read(path: Path) -> NetworkConfig:
    try:
        with path.open("rb") as file:
            return parse_network(file.read(_LONGEST_BYTES))
    except OSError as error:
        raise NetworkError(f"{path}: {error.strerror}") from None
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
