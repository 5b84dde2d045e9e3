"""A process that will be a container's: begun before anyone knows whose, as its imports take longest.

It is our child and leads a session of its own, so that a shim that made it reaps its exit code, and a signal
for the terminal does not reach it. It ends when whoever made it dies before giving it a container.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from runtime.oci.state import ContainerFolder

_PROGRAM = "runtime.runm.container"


class Spare:
    """A process that waits to become a container's."""

    def __init__(self, root: Path) -> None:
        """`root` only shows in the list of processes. OSError."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", _PROGRAM, str(theirs.fileno()), str(root)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def become(self, folder: ContainerFolder, stdout: int, stderr: int) -> bool:
        """Give it a container and its output; True once it waits to be started, False if it has ended."""
        with self._channel as channel:
            try:
                socket.send_fds(channel, [str(folder.path).encode()], [stdout, stderr])
                return bool(channel.recv(1))
            except OSError:
                return False

    def end(self) -> None:
        """Of one that was never given anything."""
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
