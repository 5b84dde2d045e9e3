"""Folders of a snapshot: laid out by hard links, never copied.

All files of a snapshot are read only: several snapshots and a blob of the content store may share one inode.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from runtime.snapshots.info import Usage


def link_tree(source: Path, target: Path) -> None:
    """Make `target`, a folder that is not there yet, show what `source` shows. OSError."""
    target.mkdir(mode=0o700)
    with os.scandir(source) as entries:
        for entry in entries:
            there = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                link_tree(Path(entry.path), there)
            elif entry.is_symlink():
                there.symlink_to(Path(entry.path).readlink())
            else:
                os.link(entry.path, there, follow_symlinks=False)


def usage_of(folder: Path) -> Usage:
    """What would be free without `folder`: files that have other names elsewhere do not count."""
    total = Usage(1, 0)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                total += usage_of(Path(entry.path))
                continue
            found = entry.stat(follow_symlinks=False)
            if found.st_nlink == 1:
                total += Usage(1, found.st_blocks * 512)
    return total


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all below, even what was made unwritable. OSError."""

    def allow(function: object, path: str, error: object) -> None:
        refused = Path(path)
        refused.parent.chmod(stat.S_IRWXU)
        if refused.is_dir() and not refused.is_symlink():
            refused.chmod(stat.S_IRWXU)
            shutil.rmtree(refused)
        else:
            refused.unlink()

    shutil.rmtree(folder, onerror=allow)
