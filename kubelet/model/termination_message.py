"""The message of a container that has ended."""

from __future__ import annotations

from enum import StrEnum

LONGEST_BYTES = 4096
LONGEST_LOG_BYTES = 2048
LONGEST_LOG_LINES = 80


class MessagePolicy(StrEnum):
    """The API's `terminationMessagePolicy`."""

    FILE = "File"
    FALLBACK_TO_LOGS = "FallbackToLogsOnError"


def termination_message(
    policy: MessagePolicy, exit_code: int, file: bytes, log_lines: list[str], runtime: str
) -> str:
    """`log_lines`: the last ones, without their time stamps; `runtime`: what the runtime says of the end."""
    if file:
        return file[:LONGEST_BYTES].decode(errors="replace")
    if policy is MessagePolicy.FALLBACK_TO_LOGS and exit_code != 0:
        tail = "\n".join(log_lines[-LONGEST_LOG_LINES:]).encode()[-LONGEST_LOG_BYTES:]
        return tail.decode(errors="ignore")
    return runtime
