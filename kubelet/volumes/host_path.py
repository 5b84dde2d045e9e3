"""hostPath: only below roots that the node's owner allows, for a pod's process has the user's own rights.

Source of types and words: kubernetes/kubernetes, pkg/volume/hostpath/host_path.go.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from kubelet.volumes.errors import VolumeError

_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def host_path(path: str, kind: str, roots: Sequence[Path]) -> Path:
    """The path itself, with what `...OrCreate` makes. VolumeError."""
    found = Path(path)
    if not found.is_absolute():
        raise VolumeError(f"hostPath {path}: is not an absolute path")
    real = found.resolve()  # a link must not lead out of the roots
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        allowed = ", ".join(map(str, roots)) or "nothing"
        raise VolumeError(
            f"hostPath {path}: is not allowed on this node, which allows {allowed} (--allow-host-path)"
        )
    try:
        if kind == "DirectoryOrCreate":
            real.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif kind == "FileOrCreate" and not real.exists():
            real.touch(mode=0o644)
    except OSError as error:
        raise VolumeError(f"hostPath {path}: {error.strerror}") from None
    _check(real, path, kind.removesuffix("OrCreate"))
    return real


def _check(real: Path, path: str, kind: str) -> None:
    if not kind:
        return
    if kind not in _CHECKS:
        raise VolumeError(f"hostPath type {kind} is not known")
    check, words = _CHECKS[kind]
    try:
        mode = real.stat().st_mode
    except OSError:
        mode = 0
    if not check(mode):
        raise VolumeError(f"hostPath type check failed: {path} is not {words}")
