"""Files that are whole or not there: written aside, synced, renamed; and locks between processes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bronzewillow.host.paths import open_private

_FULL_FSYNC = 51  # sys/fcntl.h of macOS: fsync(2) there leaves the drive's own cache out


def sync_file(descriptor: int) -> None:
    """Onto the disk itself."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, _FULL_FSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """The names in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """`path` has its old content or all of `data`, whatever happens meanwhile; `private` is mode 0600.

    OSError, which names `path`.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with open_private(temporary) if private else temporary.open("wb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # of a disk that is full there is none; the temporary one tells nobody
        raise
    sync_folder(path.parent)


def open_regular(path: Path) -> BinaryIO:
    """For reading; OSError when it is anything but a file: opening a pipe would wait for its writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def drop_halves(folder: Path) -> None:
    """What a `replace_file` that was killed has left in `folder`, which may be missing."""
    for path in folder.glob("*.new"):
        writer = path.name.split(".")[-2]
        if writer.isdecimal() and not _is_alive(int(writer)):
            path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone, among all processes that lock `path`."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Alone if True; False at once when another process has it."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
