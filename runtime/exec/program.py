"""One program: a session of its own, its streams, its end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.exec import gate
from runtime.exec.descriptors import Descriptor

_KEPT = ("PATH", "HOME", "LANG")
_TERM = "xterm"
"""What Kubernetes' runtimes say where nobody says otherwise."""


class Program:
    """It waits for `begin`; whoever made it must `end` it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        latch: int,
        stdin: Descriptor | None,
        stdout: Descriptor | None,
        stderr: Descriptor | None,
    ) -> None:
        self._process, self.pid = process, process.pid
        self._latch = latch
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        """Those that were asked for; on a terminal the first two are one."""

    def begin(self) -> None:
        """Let it run: it is noted by now, so that it does not outlive us."""
        with contextlib.suppress(BrokenPipeError):  # it was killed
            os.write(self._latch, b"+")
        self._let_go()

    async def wait(self) -> int:
        """Its exit code; 128 and the number of a signal that ended it."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def resize(self, width: int, height: int) -> None:
        """Of its terminal, which tells whoever is in the foreground."""
        if self.stdout is not None:
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetwinsize(self.stdout.fileno(), (height, width))

    def kill(self) -> None:
        """With all that it has started, or what is left of that; again is no error."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """With all that it has started; again is no error."""
        self.kill()
        self._let_go()
        await self._process.wait()
        for descriptor in {self.stdin, self.stdout, self.stderr} - {None}:
            assert descriptor is not None
            descriptor.close()

    def _let_go(self) -> None:
        if self._latch >= 0:
            os.close(self._latch)
            self._latch = -1


async def start_program(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: bool = False,
    stdout: bool = False,
    stderr: bool = False,
    tty: bool = False,
) -> Program:
    """One that waits, with the streams that are wanted. OSError when it cannot be run."""
    command = _resolved(command)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if tty:
        return await _start_on_terminal(command, {"TERM": _TERM, **kept, **environment})
    theirs: list[int] = []
    ours: list[Descriptor | None] = []
    try:
        for is_wanted, is_input in ((stdin, True), (stdout, False), (stderr, False)):
            if not is_wanted:
                theirs.append(os.open(os.devnull, os.O_RDWR))
                ours.append(None)
                continue
            reading, writing = os.pipe()
            theirs.append(reading if is_input else writing)
            ours.append(Descriptor(writing if is_input else reading))
        process, latch = await _spawn(gate.PIPES, command, theirs, {**kept, **environment})
    except BaseException:
        for one in ours:
            if one is not None:
                one.close()
        raise
    finally:
        for number in theirs:
            os.close(number)
    return Program(process, latch, *ours)


def _resolved(command: Sequence[str]) -> Sequence[str]:
    """Looked for where we look for programs: a PATH in the environment shall not choose another."""
    name, *arguments = command
    found = shutil.which(name)
    if found is None:
        code = errno.EACCES if "/" in name and Path(name).exists() else errno.ENOENT
        raise OSError(code, os.strerror(code), name)
    return [found, *arguments]


async def _start_on_terminal(command: Sequence[str], environment: Mapping[str, str]) -> Program:
    ours, theirs = os.openpty()
    master = Descriptor(ours)
    try:
        process, latch = await _spawn(gate.TERMINAL, command, [theirs] * 3, environment)
    except BaseException:
        master.close()
        raise
    finally:
        os.close(theirs)
    return Program(process, latch, master, master, None)


async def _spawn(
    kind: str, command: Sequence[str], streams: Sequence[int], environment: Mapping[str, str]
) -> tuple[asyncio.subprocess.Process, int]:
    """A process that waits, and the descriptor that lets it through."""
    stdin, stdout, stderr = streams
    theirs, ours = os.pipe()
    words = (sys.executable, "-I", "-S", str(Path(gate.__file__)), str(theirs), kind, *command)
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, start_new_session=True,
            pass_fds=(theirs,),
        )  # fmt: skip
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return process, ours
