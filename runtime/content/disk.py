"""What a disk may refuse, and what it may share."""

from __future__ import annotations

import errno
import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.content.errors import DiskFull, StoreError

_FICLONE = 0x40049409  # linux/fs.h
_RESERVE_BYTES = 64 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def as_store_error(place: Path) -> Iterator[None]:
    """An OSError inside becomes one line that names the file."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in _FULL else StoreError
        raise kind(f"{error.filename or place}: {error.strerror or error}") from error


def share_extents(source: int, target: int) -> bool:
    """Let the file `target` have the bytes of `source` without a copy, where the file system can."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def check_room(folder: Path, needed: int, what: str) -> None:
    """DiskFull when `what`, of `needed` bytes, would leave hardly anything of the disk of `folder`."""
    with as_store_error(folder):
        room = max(0, shutil.disk_usage(folder).free - _RESERVE_BYTES)
    if needed > room:
        raise DiskFull(
            f"{folder}: {what} needs {needed:,} bytes more, and there is room for {room:,}; "
            "`runm prune` removes what no image needs"
        )
