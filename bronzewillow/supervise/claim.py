"""One daemon of a kind on a node, also when what started it was killed.

A file is locked as long as the daemon lives: the daemon has the descriptor, too, though it knows nothing of
it, and a lock goes with the last process that has its descriptor (flock(2)). The file tells its process id.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from pathlib import Path

from bronzewillow.supervise.errors import UpError

_LOOK_EVERY_S = 0.02
_KILL_LIMIT_S = 5.0
_GLANCE_S = 0.2
"""Who only looks has the lock for a moment, too; nobody is ended for that."""


def holder(path: Path) -> int | None:
    """The process that has the claim of that file, by its own word; None for nobody."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _pid(file.read(20))
    except OSError:
        pass
    return None


def _pid(text: bytes) -> int:
    """0 for one that nobody knows."""
    return int(text) if text.strip().isdigit() else 0


class Claim:
    """The right to run one daemon; `descriptor` is what the daemon must be given."""

    def __init__(self, path: Path) -> None:
        """Opens the file, in a folder that is there. OSError."""
        self._path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def former(self) -> int | None:
        """The process that has it, 0 for one that nobody knows; None when it is ours now."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid(os.pread(self.descriptor, 20, 0))
        os.ftruncate(self.descriptor, 0)
        return None

    async def take(self, limit_s: float) -> int | None:
        """End the process that has it, in order if it can be done in time; which one that was. UpError."""
        if await self._is_freed(_GLANCE_S):
            return None
        pid = self.former()
        if pid is None:
            return None
        if pid == 0:
            raise UpError(
                f"{self._path}: a daemon that cannot be named is still there; end it, and try again"
            )
        for number, wait_s in ((signal.SIGTERM, limit_s), (signal.SIGKILL, _KILL_LIMIT_S)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if await self._is_freed(wait_s):
                return pid
        raise UpError(f"{self._path}: process {pid} does not end; end it, and try again")

    def name(self, pid: int) -> None:
        """The daemon that has it from now on."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def close(self) -> None:
        """The daemon has ended: nothing is left."""
        self._path.unlink(missing_ok=True)
        os.close(self.descriptor)

    async def _is_freed(self, wait_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.former() is not None:  # noqa: ASYNC110 - nobody tells of a lock that is free
                    await asyncio.sleep(_LOOK_EVERY_S)
                return True
        return False
