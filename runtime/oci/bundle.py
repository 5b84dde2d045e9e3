"""A bundle: a folder with `config.json` (OCI runtime specification, config.md) and a root file system.

The root file system is a snapshot of an LLM image. Of `process` the arguments, the environment and the
working folder count, of `linux.resources` the memory limit; the rest is for containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bronzewillow.host.parsing import parse_json
from runtime.oci.errors import BundleError

CONFIG = "config.json"
_LONGEST_CONFIG_BYTES = 4 << 20
_PROGRAM = "runm"
_VERB = "serve"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What runm takes from a bundle."""

    folder: Path
    """Absolute."""
    rootfs: Path
    """Absolute; the model is in it."""
    args: tuple[str, ...]
    """Options of `runm serve`, without the words `runm serve`."""
    env: Mapping[str, str]
    """The process's environment, all of it."""
    cwd: Path
    memory_limit_bytes: int = 0
    """0 is none."""
    annotations: Mapping[str, str] = field(default_factory=dict)


def load_bundle(folder: Path) -> Bundle:
    """Read and check a bundle. BundleError."""
    folder = folder.absolute()
    path = folder / CONFIG
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST_CONFIG_BYTES + 1)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > _LONGEST_CONFIG_BYTES:
        raise BundleError(f"{path}: more than {_LONGEST_CONFIG_BYTES >> 20} MiB")
    return parse_bundle(raw, folder)


def parse_bundle(raw: bytes, folder: Path) -> Bundle:
    """The text of a `config.json` that stands in `folder`. BundleError."""
    fields = _Fields(folder / CONFIG)
    try:
        config = parse_json(raw)
    except ValueError as error:
        raise BundleError(f"{fields.file}: is not JSON: {error}") from None
    version = fields.text(config, "ociVersion")
    if not version.startswith("1."):
        raise BundleError(f"{fields.file}: ociVersion: {version!r} is not 1.x")
    root = fields.text(fields.table(config, "root"), "path", "root.path")
    process = fields.table(config, "process")
    linux = fields.table(config, "linux", optional=True)
    memory = fields.table(fields.table(linux, "resources", optional=True), "memory", optional=True)
    limit = memory.get("limit") or 0
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise fields.wrong("linux.resources.memory.limit", "a number of bytes", limit)
    return Bundle(
        folder,
        (folder / root).absolute(),
        _serve_options(fields.texts(process, "args", "process.args")),
        _environment(fields, fields.texts(process, "env", "process.env")),
        Path(fields.text(process, "cwd", "process.cwd", "/")),
        max(limit, 0),
        fields.strings(config, "annotations"),
    )


def _serve_options(args: tuple[str, ...]) -> tuple[str, ...]:
    """`runm serve --context 512` and `--context 512` mean the same."""
    if args and Path(args[0]).name == _PROGRAM:
        args = args[1:]
    return args[1:] if args and args[0] == _VERB else args


def _environment(fields: _Fields, pairs: tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if not pair.partition("=")[1] or pair.startswith("=") or "\0" in pair:
            raise BundleError(f"{fields.file}: process.env: {pair!r} is not NAME=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)


class _Fields:
    """Reads fields of JSON, and names them when they are wrong."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def wrong(self, name: str, wanted: str, value: object) -> BundleError:
        got = "nothing" if value is None else type(value).__name__
        return BundleError(f"{self.file}: {name}: expected {wanted}, got {got}")

    def table(self, parent: Any, name: str, *, optional: bool = False) -> dict[str, Any]:
        value = parent.get(name) if isinstance(parent, dict) else None
        if value is None and optional:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(name, "an object", value)
        return value

    def text(self, parent: Any, key: str, name: str = "", default: str | None = None) -> str:
        value = parent.get(key, default) if isinstance(parent, dict) else None
        if not isinstance(value, str) or "\0" in value:
            raise self.wrong(name or key, "a string", value)
        return value

    def texts(self, parent: dict[str, Any], key: str, name: str) -> tuple[str, ...]:
        value = parent.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) and "\0" not in one for one in value):
            raise self.wrong(name, "a list of strings", value)
        return tuple(value)

    def strings(self, parent: dict[str, Any], key: str) -> dict[str, str]:
        value = parent.get(key) or {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise self.wrong(key, "an object of strings", value)
        return value
