"""What the error stream of a command says at its end.

Kubernetes, apimachinery/pkg/util/remotecommand and kubelet/pkg/cri/streaming/remotecommand.
"""

from __future__ import annotations

import json
from typing import Any

_PREFIX = "command terminated with non-zero exit code: exit status"


def emit_exit(code: int, *, has_status: bool) -> bytes:
    """Of a command that has ended. Without a Status (before v4) success says nothing."""
    if not has_status:
        return f"{_PREFIX} {code}".encode() if code else b""
    if not code:
        return _emit({"metadata": {}, "status": "Success"})
    return _emit({
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"{_PREFIX} {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    })  # fmt: skip


def emit_failure(text: str, *, has_status: bool) -> bytes:
    """Of one that could not be run, or not to its end."""
    if not has_status:
        return text.encode()
    return _emit({
        "metadata": {},
        "status": "Failure",
        "reason": "InternalError",
        "message": f"Internal error occurred: {text}",
        "details": {"causes": [{"message": text}]},
        "code": 500,
    })  # fmt: skip


def _emit(status: dict[str, Any]) -> bytes:
    return json.dumps(status, separators=(",", ":")).encode()
