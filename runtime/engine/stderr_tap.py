"""Reading what a C library writes to standard error, where it says why it failed."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import deque
from collections.abc import Iterable
from types import TracebackType

_KEEP_LINES = 200
_END_S = 10.0
"""For the last lines to be read; a process that has our standard error, too, would keep its end away."""
_PREFIX = re.compile(r"^\d+\.\d+\.\d+\.\d+ (?P<level>[EWID]) +")  # llama.cpp: minutes.seconds.ms.us, level
_TELLING = re.compile(
    r"assert|error|fail|unsupported|unknown|invalid|cannot|unable|out of memory", re.IGNORECASE
)


def telling_line(lines: Iterable[str]) -> str:
    """The first line logged as an error, or else one that sounds like a failure; empty if there is none."""
    maybe = ""
    for line in lines:
        prefix = _PREFIX.match(line)
        text = line[prefix.end() :].strip() if prefix else line.strip()
        if prefix and prefix["level"] == "E":
            return text
        if not prefix and not maybe and _TELLING.search(text):
            maybe = text
    return maybe


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
            self._reader.join(_END_S)
        os.close(self._saved)

    def reason(self) -> str:
        """Why it failed, as far as one line tells; may be empty."""
        return telling_line(self._lines)

    def _read(self, read_end: int) -> None:
        with os.fdopen(read_end, "rb") as stream:
            for raw in stream:
                self._lines.append(raw.decode(errors="replace").rstrip())
                # An assertion ends the process before anyone could ask for the reason.
                if self._forward or b"GGML_ASSERT" in raw or b"ggml_abort" in raw:
                    os.write(self._saved, raw)
