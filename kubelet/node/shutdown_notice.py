"""Whether SIGTERM means that the machine goes down, or only this process. Not run on macOS.

Ending is not shutting down: pods go on, and whoever starts llm-kubelet again finds them. Only a machine that
goes down is worth a NotReady.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys

_NOTICES = (
    b"com.apple.system.loginwindow.shutdownInitiated",
    b"com.apple.system.loginwindow.restartinitiated",
    b"com.apple.system.loginwindow.logoutInitiated",
)
_TIMEOUT_S = 2.0


class ShutdownNotice:
    """Made at start: macOS tells what has been posted since then (notify(3)); Linux's systemd is asked."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None) if sys.platform == "darwin" else None
        self._tokens: list[ctypes.c_int] = []
        for name in _NOTICES if self._library is not None else ():
            token = ctypes.c_int()
            if self._library is not None and not self._library.notify_register_check(
                name, ctypes.byref(token)
            ):
                self._tokens.append(token)
        self._posted()  # the first check of a name always says yes

    def is_shutting_down(self) -> bool:
        """Whether the machine is going down now."""
        return self._posted() if self._library is not None else _is_systemd_stopping()

    def _posted(self) -> bool:
        found = False
        for token in self._tokens:
            checked = ctypes.c_int()
            if self._library is not None and not self._library.notify_check(token, ctypes.byref(checked)):
                found = found or bool(checked.value)
        return found


def _is_systemd_stopping() -> bool:
    program = shutil.which("systemctl")
    if program is None:
        return False
    try:
        answer = subprocess.run(
            [program, "is-system-running"], capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == b"stopping"
