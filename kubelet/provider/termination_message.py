"""What a container left to be told of its end.

There is no file system of its own in which a process could write `terminationMessagePath`: the message is
what the runtime says, which for llm-containerd is the last line, or with `FallbackToLogsOnError` the end of
the log.
"""

from __future__ import annotations

import os
from pathlib import Path

from kubelet.model.termination_message import LONGEST_LOG_LINES, MessagePolicy, termination_message
from kubelet.provider.labels import MESSAGE_POLICY
from runtime.api import cri_pb2 as api

_READ_BYTES = 64 << 10


def message_of(status: api.ContainerStatus) -> str:
    """Of one that has ended; reads the end of its log where that is asked for."""
    is_fallback = status.annotations.get(MESSAGE_POLICY) == MessagePolicy.FALLBACK_TO_LOGS
    policy = MessagePolicy.FALLBACK_TO_LOGS if is_fallback else MessagePolicy.FILE
    lines = log_tail(Path(status.log_path)) if is_fallback and status.exit_code and status.log_path else []
    if not lines:
        policy = MessagePolicy.FILE
    return termination_message(policy, status.exit_code, b"", lines, status.message)


def log_tail(path: Path) -> list[str]:
    """The last lines of a log in CRI's form, without times; empty when it cannot be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _READ_BYTES))
            entries = log.read().split(b"\n")[-LONGEST_LOG_LINES - 1 :]
    except OSError:
        return []
    parts = [entry.split(b" ", 3) for entry in entries]
    words = b"".join(
        part[3] + (b"" if part[2].startswith(b"P") else b"\n") for part in parts if len(part) == 4
    )
    return words.decode(errors="replace").splitlines()
