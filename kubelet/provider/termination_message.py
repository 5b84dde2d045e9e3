"""What a container left to be told of its end.

There is no file system of its own in which a process could write `terminationMessagePath`: the message is
what the runtime says, which for llm-containerd is the last line, or with `FallbackToLogsOnError` the end of
the log.
"""

from __future__ import annotations

import os
from pathlib import Path

from kubelet.provider.labels import MESSAGE_POLICY
from runtime.api import cri_pb2 as api

MOST_BYTES = 4096
_FALLBACK = "FallbackToLogsOnError"
_LOG_BYTES, _LOG_LINES = 2048, 80  # kubernetes/kubernetes, pkg/kubelet/container/runtime.go
_READ_BYTES = 64 << 10


def termination_message(status: api.ContainerStatus) -> str:
    """Of one that has ended; reads the end of its log where that is asked for."""
    if status.annotations.get(MESSAGE_POLICY) == _FALLBACK and status.exit_code and status.log_path:
        words = log_tail(Path(status.log_path))
        if words:
            return words
    return str(status.message)[:MOST_BYTES]


def log_tail(path: Path) -> str:
    """The last lines of a log in CRI's form, without times; empty when it cannot be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _READ_BYTES))
            lines = log.read().split(b"\n")[-_LOG_LINES - 1 :]
    except OSError:
        return ""
    parts = [line.split(b" ", 3) for line in lines]
    words = b"".join(
        part[3] + (b"" if part[2].startswith(b"P") else b"\n") for part in parts if len(part) == 4
    )
    return words[-_LOG_BYTES:].decode(errors="replace")
