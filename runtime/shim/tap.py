"""Somebody who hears what a container says, through a named pipe, and never holds it up."""

from __future__ import annotations

import os
from pathlib import Path


class Tap:
    """One pipe that is open for reading at its other end."""

    def __init__(self, path: Path) -> None:
        """OSError when nobody reads it."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        self._lost_bytes = 0

    def write(self, data: bytes) -> bool:
        """As much of it as the pipe takes; what is missing is told where it is missing. False at the end."""
        try:
            if self._lost_bytes:  # a short write goes all in, or not at all
                os.write(self._descriptor, b"\n[%d bytes were lost here]\n" % self._lost_bytes)
                self._lost_bytes = 0
            self._lost_bytes = len(data) - os.write(self._descriptor, data)
        except BlockingIOError:
            self._lost_bytes += len(data)
        except OSError:
            self.close()
            return False
        return True

    def close(self) -> None:
        """End the stream: nothing more comes."""
        os.close(self._descriptor)
