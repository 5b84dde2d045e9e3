"""The file of a container's log: appended to, opened anew when it was moved, and bounded in any case."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

LIMIT_BYTES = 64 << 20
"""A kubelet moves a file long before; this bounds the disk where there is none."""
_MOVED = "%Y%m%d-%H%M%S"  # the ending that a kubelet gives to files it has moved, and looks for
_log = logging.getLogger(__name__)


class LogFile:
    """Open for appending."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        """OSError when it cannot be made."""
        self._path, self._limit = path, limit_bytes
        self._lost_bytes = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open()

    def append(self, data: bytes) -> None:
        """Write; a full disk costs what comes meanwhile, and never the container."""
        try:
            if os.fstat(self._descriptor).st_size + len(data) > self._limit:
                self._rotate()
            written = os.write(self._descriptor, data)
        except OSError as error:
            written = 0
            if not self._lost_bytes:
                _log.error("%s: %s; output is lost until there is room", self._path, error.strerror)
        if written < len(data):
            self._lost_bytes += len(data) - written
        elif self._lost_bytes:
            _log.error("%s: %d bytes of output were lost", self._path, self._lost_bytes)
            self._lost_bytes = 0

    def reopen(self) -> None:
        """Go on at the same path, where nothing or another file is by now. OSError."""
        fresh = self._open()
        os.close(self._descriptor)
        self._descriptor = fresh

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _rotate(self) -> None:
        """Only the last of the files that were moved is kept."""
        moved = self._path.with_name(f"{self._path.name}.{time.strftime(_MOVED, time.gmtime())}")
        older = [one for one in self._path.parent.glob(f"{self._path.name}.*") if one != moved]
        self._path.rename(moved)
        for one in older:
            one.unlink(missing_ok=True)
        self.reopen()
