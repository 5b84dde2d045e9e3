"""A log of bounded size, for where nobody else keeps one: launchd appends for ever, journald does not."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

_MOST_BYTES = 10 << 20
_OLD_FILES = 5


class LogFile:
    """Lines with the time at which they came. At its limit FILE becomes FILE.1, and what that was, FILE.2."""

    def __init__(self, path: Path, most_bytes: int = _MOST_BYTES) -> None:
        """Go on with the file at `path`. OSError."""
        self._path, self._most_bytes = path, most_bytes
        path.parent.mkdir(exist_ok=True)
        self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size

    def write(self, text: str) -> None:
        """One line. A disk that is full is no reason to end."""
        stamp = datetime.now().astimezone().isoformat(" ", "milliseconds")
        data = f"{stamp} {text}".encode(errors="replace")
        with contextlib.suppress(OSError):
            if self._size and self._size + len(data) > self._most_bytes:
                self._begin_anew()
            self._size += os.write(self._descriptor, data)

    def flush(self) -> None:
        """Nothing to do: what is written is in the file."""

    def close(self) -> None:
        """Close the file; what was written stays."""
        os.close(self._descriptor)

    def _begin_anew(self) -> None:
        for number in range(_OLD_FILES, 0, -1):
            newer = self._numbered(number - 1)
            if newer.exists():
                newer.replace(self._numbered(number))
        new = self._open()
        os.close(self._descriptor)
        self._descriptor, self._size = new, 0

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
