"""Whether SIGTERM means that the machine goes down, or only this process. Not run on macOS.

Ending is not shutting down: pods go on, and whoever starts llm-kubelet again finds them. Only a machine that
goes down is worth a NotReady.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Set

_LOGINWINDOW = "com.apple.system.loginwindow."
_BEGUN = ("shutdownInitiated", "restartinitiated", "logoutInitiated")
_CANCELLED, _CERTAIN = "logoutcancelled", "logoutNoReturn"
"""Of whichever was begun: somebody has thought better of it, or nobody can any more."""
_TIMEOUT_S = 2.0


class ShutdownNotice:
    """Made at start: macOS tells what has been posted since then (notify(3)); Linux's systemd is asked."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None) if sys.platform == "darwin" else None
        self._tokens: dict[str, ctypes.c_int] = {}
        for name in (*_BEGUN, _CANCELLED, _CERTAIN) if self._library is not None else ():
            token = ctypes.c_int()
            if self._library is not None and not self._library.notify_register_check(
                f"{_LOGINWINDOW}{name}".encode(), ctypes.byref(token)
            ):
                self._tokens[name] = token
        self._posted()  # the first check of a name always says yes

    def is_shutting_down(self) -> bool:
        """Whether the machine is going down now."""
        return is_going_down(self._posted()) if self._library is not None else _is_systemd_stopping()

    def _posted(self) -> set[str]:
        found = set()
        for name, token in self._tokens.items():
            checked = ctypes.c_int()
            if self._library is not None and not self._library.notify_check(token, ctypes.byref(checked)):
                found |= {name} if checked.value else set()
        return found


def is_going_down(posted: Set[str]) -> bool:
    """By the notices so far, in whatever order; pure. What was cancelled may have begun anew."""
    return _CERTAIN in posted or (_CANCELLED not in posted and not posted.isdisjoint(_BEGUN))


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
