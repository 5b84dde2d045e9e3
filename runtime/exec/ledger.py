"""What runs beside containers, on disk: so that a runtime that starts again ends what a killed one left."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bronzewillow.host.paths import make_private

_ROUNDING_S = 0.001
"""Of differences between times of day; systems tell these by 10 ms or finer."""


class Ledger:
    """A file for each session that we have started: its name is the leader, its text the leader's birth."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made where it is missing. OSError."""
        self._folder = folder
        make_private(folder)

    @contextmanager
    def noting(self, pid: int) -> Iterator[None]:
        """While inside, it is ours to end."""
        path = self._folder / str(pid)
        with contextlib.suppress(psutil.NoSuchProcess):
            path.write_text(repr(birth(pid)))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def end_left(self) -> None:
        """What still lives of those that another has noted; a number that was given anew is left alone."""
        for path in self._folder.iterdir():
            with contextlib.suppress(ValueError):  # half written: it had just begun to be
                _end_group(int(path.name), float(path.read_text()))
            path.unlink(missing_ok=True)


def birth(pid: int) -> float:
    """When a process began, in seconds since the system's first one did. psutil.NoSuchProcess.

    Times of day will not do: where the clock is set, those of all processes move with it.
    """
    return psutil.Process(pid).create_time() - _first_birth()


def _first_birth() -> float:
    try:
        return psutil.Process(1).create_time()
    except psutil.Error:  # Linux may hide other users' processes (hidepid)
        return psutil.boot_time()


def _end_group(leader: int, born: float) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        if abs(birth(leader) - born) > _ROUNDING_S:
            return
    # without its leader a group keeps its number, which no process is given as long as there is one of them
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(pid) == leader and birth(pid) > born - _ROUNDING_S:
                # all at once: one by one, they could begin others meanwhile
                os.killpg(leader, signal.SIGKILL)
                return
