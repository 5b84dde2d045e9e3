"""Keeping the machine awake while it serves: an assertion of `caffeinate` on macOS, nothing elsewhere."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess

_log = logging.getLogger(__name__)
_PROGRAM = "/usr/bin/caffeinate"


class PowerAssertion:
    """Held while pods run. A closed lid, or a choice in the menu, still sends the machine to sleep."""

    def __init__(self, program: str = _PROGRAM) -> None:
        self._program = shutil.which(program)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_held(self) -> bool:
        """Whether it is."""
        return self._process is not None and self._process.poll() is None

    def hold(self) -> None:
        """No idle sleep from now on. It ends with us, however we end (`-w`)."""
        if self._program is None or self.is_held:
            return
        try:
            self._process = subprocess.Popen(
                [self._program, "-i", "-s", "-w", str(os.getpid())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            _log.warning(
                "%s: cannot be run, so the machine may sleep while pods run: %s", self._program, error
            )

    def release(self) -> None:
        """Let the machine sleep again."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
