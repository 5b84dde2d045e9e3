"""Reading what a C library writes to standard error, where it says why it failed."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import deque
from types import TracebackType

_KEEP_LINES = 200
_PREFIX = re.compile(r"^(?:\d+\.\d+\.\d+\.\d+\s+)?(?:[EWID]\s+)?")
_TELLING = re.compile(
    r"error|fail|unsupported|unknown|invalid|cannot|unable|not enough|out of memory", re.IGNORECASE
)


class StderrTap:
    """While entered, file descriptor 2 leads here; with `forward` lines go on to where it led before."""

    def __init__(self, *, forward: bool) -> None:
        self._forward = forward
        self._lines: deque[str] = deque(maxlen=_KEEP_LINES)
        self._saved = -1
        self._reader: threading.Thread | None = None

    def __enter__(self) -> StderrTap:
        sys.stderr.flush()
        self._saved = os.dup(2)
        read_end, write_end = os.pipe()
        os.dup2(write_end, 2)
        os.close(write_end)
        self._reader = threading.Thread(target=self._read, args=(read_end,), name="stderr", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr.flush()
        os.dup2(self._saved, 2)  # the last writing end of the pipe: the reader sees its end
        if self._reader is not None:
            self._reader.join(timeout=1.0)
        os.close(self._saved)

    def reason(self) -> str:
        """The first line that tells of a failure, without its log prefix; empty if there is none."""
        for line in self._lines:
            text = _PREFIX.sub("", line).strip()
            if _TELLING.search(text):
                return text
        return ""

    def _read(self, read_end: int) -> None:
        with os.fdopen(read_end, "rb") as stream:
            for raw in stream:
                self._lines.append(raw.decode(errors="replace").rstrip())
                # An assertion ends the process before anyone could ask for the reason.
                if self._forward or b"GGML_ASSERT" in raw or b"ggml_abort" in raw:
                    os.write(self._saved, raw)
