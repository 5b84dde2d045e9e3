"""Files that change all at once under the eyes of their readers.

    ..2026_11_27_12_00_00.1a2b3c4d/config.json    a folder for each version
    ..data -> ..2026_11_27_12_00_00.1a2b3c4d      swapped by one rename
    config.json -> ..data/config.json             what readers open

Source: kubernetes/kubernetes, pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from pathlib import Path, PurePosixPath

from kubelet.volumes.errors import VolumeError
from kubelet.volumes.payload import Payload

_DATA, _DATA_TMP = "..data", "..data_tmp"
_ONE = "both are one file on this disk"


def write_payload(folder: Path, payload: Payload) -> bool:
    """Whether anything was to be changed. VolumeError, OSError."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    link = folder / _DATA
    old = folder / link.readlink() if link.is_symlink() else None
    if old is not None and _holds(old, payload) and _linked(folder, payload):
        return False
    fresh = folder / f"..{time.strftime('%Y_%m_%d_%H_%M_%S', time.gmtime())}.{secrets.token_hex(4)}"
    try:
        _fill(fresh, payload)
        temporary = folder / _DATA_TMP
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(fresh.name)
        temporary.replace(link)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    _link_names(folder, payload)
    for version in folder.glob("..[0-9]*"):
        if version != fresh:
            shutil.rmtree(version, ignore_errors=True)
    return True


def _fill(fresh: Path, payload: Payload) -> None:
    fresh.mkdir(mode=0o755)
    for name, file in payload.items():
        path = fresh / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise VolumeError(
                f"{name}: differs from another key in upper and lower case only; {_ONE}"
            ) from None
        with os.fdopen(descriptor, "wb") as written:
            written.write(file.data)
            os.fchmod(descriptor, file.mode)


def _holds(version: Path, payload: Payload) -> bool:
    try:
        found = {str(path.relative_to(version)) for path in version.rglob("*") if not path.is_dir()}
        return found == set(payload) and all(
            (version / name).read_bytes() == file.data
            and (version / name).stat().st_mode & 0o777 == file.mode
            for name, file in payload.items()
        )
    except OSError:
        return False


def _names(payload: Payload) -> set[str]:
    return {PurePosixPath(name).parts[0] for name in payload}


def _linked(folder: Path, payload: Payload) -> bool:
    return _names(payload) == {path.name for path in folder.iterdir() if not path.name.startswith("..")}


def _link_names(folder: Path, payload: Payload) -> None:
    wanted = _names(payload)
    for name in wanted:
        path = folder / name
        if not path.is_symlink():
            path.symlink_to(f"{_DATA}/{name}")
    for path in folder.iterdir():
        if not path.name.startswith("..") and path.name not in wanted:
            path.unlink()
