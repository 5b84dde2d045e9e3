"""A program that runs in a namespace while a test goes on: its log, its resources, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bronzewillow.testing.lab.netns import LabError, Namespace, Process

_LOG_LINES = 40


class Child:
    """A running program; its standard output and error go to one log."""

    def __init__(
        self, name: str, namespace: Namespace, argv: Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log_path = folder / f"{name}.log"
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self.process: Process = namespace.begin(*argv, log=log, env=env, cwd=folder)

    @property
    def pid(self) -> int:
        """The program's own process id: what starts it execs."""
        return self.process.pid

    @property
    def log(self) -> str:
        """What this run of it has said."""
        with self.log_path.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def wait_line(self, text: str, timeout_s: float = 60.0) -> None:
        """Return when a line that holds `text` is in the log; LabError when it ends first, or in time."""
        wait_until(
            lambda: text in self.log, f"{self.name} says {text!r}", timeout_s, check=self._still_running
        )

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        self.process.kill()
        self.process.wait(timeout=60)

    def end(self, timeout_s: float = 60.0) -> int:
        """SIGTERM; its exit code. LabError when it does not end."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            raise LabError(f"{self.name} ignores SIGTERM:\n{self.tail()}") from None

    def open_files(self) -> int:
        """How many file descriptors it has."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208

    def resident_bytes(self) -> int:
        """Its resident memory."""
        return int(self.status_field("VmRSS").split()[0]) << 10

    def status_field(self, name: str) -> str:
        """A line of /proc/PID/status, such as CapEff."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return value.strip()
        raise LabError(f"/proc/{self.pid}/status has no {name}")

    def tail(self) -> str:
        """The end of the log."""
        return "\n".join(self.log.splitlines()[-_LOG_LINES:])

    def _still_running(self) -> None:
        code = self.process.poll()
        if code is not None:
            raise LabError(f"{self.name} ended with {code}:\n{self.tail()}")


def wait_until(
    condition: Callable[[], bool],
    what: str,
    timeout_s: float = 60.0,
    *,
    check: Callable[[], None] = lambda: None,
    step_s: float = 0.05,
) -> None:
    """Poll `condition`; LabError that names `what` when it does not come true. `check` may raise earlier."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        check()
        if time.monotonic() > deadline:
            raise LabError(f"not in {timeout_s:.0f} s: {what}")
        time.sleep(step_s)  # noqa: TID251  # other processes, real time
