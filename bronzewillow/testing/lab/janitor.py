"""Takes a lab down when its owner is done, or dead.

    python -m bronzewillow.testing.lab.janitor PREFIX [FOLDER]

The owner holds the other end of standard input. When that closes, be it by SIGKILL, every process in the
namespaces named PREFIX-* is killed, the namespaces and FOLDER are deleted.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path


class Janitor:
    """The owner's side of it."""

    def __init__(self, prefix: str, folder: Path | None = None) -> None:
        argv = [sys.executable, "-m", "bronzewillow.testing.lab.janitor", prefix]
        if folder is not None:
            argv.append(str(folder))
        # A session of its own: Ctrl-C at the terminal ends the owner, not the janitor.
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)

    def close(self) -> None:
        """Take the lab down now, and wait for it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def owned(listing: str, prefix: str) -> list[str]:
    """The namespaces of one lab, out of what `ip netns list` prints."""
    names = [line.split()[0] for line in listing.splitlines() if line.strip()]
    return [name for name in names if name.startswith(f"{prefix}-")]


def clean(prefix: str, folder: Path | None) -> None:
    """Kill, delete, remove. What has gone already is no error."""
    names = owned(_ip("list"), prefix)
    deadline = time.monotonic() + 10
    while (
        pids := [pid for name in names for pid in _ip("pids", name).split()]
    ) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.02)  # noqa: TID251  # a process leaves its namespace when the kernel has reaped it
    for name in names:
        _ip("delete", name)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _ip(*argv: str) -> str:
    result = subprocess.run(["ip", "netns", *argv], capture_output=True, text=True, check=False)
    return result.stdout


def main() -> None:
    """Wait for the owner's end, then clean."""
    prefix = sys.argv[1]
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    clean(prefix, folder)


if __name__ == "__main__":
    main()
