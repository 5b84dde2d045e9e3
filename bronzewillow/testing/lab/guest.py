"""A second Linux, for what this machine's kernel has not: user-mode-linux on a tap of the Mac's namespace.

Its root is this machine's, read-only, but for the lab's folder. What runs in there goes by its console, one
command at a time (`guest_init`); its namespaces look like ours to whoever sets them up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bronzewillow.testing.lab import guest_init
from bronzewillow.testing.lab.netns import LabError, Namespace, Process

KERNEL = "linux.uml"
PYTHON = "/usr/bin/python3"
_FIRST = "1"
_BOOT_LIMIT_S, _ANSWER_LIMIT_S = 120.0, 60.0
_MEMORY = "512M"
_INIT = """\
#!/bin/sh
exec {python} -I {program} {folders}
"""


class Guest:
    """The machine, from its boot to its owner's end."""

    def __init__(self, namespace: Namespace, tap: str, folder: Path, *others: Path) -> None:
        """Boots; LabError when it does not get so far. `tap` is in `namespace`, and up.

        `folder` is the lab's; `others` are there, too.
        """
        own = folder / "guest"
        own.mkdir()
        init = own / "init"
        program = Path(guest_init.__file__)
        folders = " ".join(map(str, (folder, *others)))
        init.write_text(_INIT.format(python=PYTHON, program=program, folders=folders))
        init.chmod(0o755)
        self._log = own / "console.log"
        kernel = (KERNEL, f"mem={_MEMORY}", "root=/dev/root", "rootfstype=hostfs", "ro", f"init={init}")
        console = ("con=null", "con0=fd:0,fd:1", "ssl=null", "quiet", "panic=1")
        identity = (f"uml_dir={own}/", "umid=guest")
        network = f"vec0:transport=tap,ifname={tap},depth=64,gro=1"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                namespace.command(*kernel, *console, *identity, network),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "TMPDIR": "/tmp"},
                text=True,
            )
        assert self._process.stdout is not None
        said = []
        with self._within(_BOOT_LIMIT_S):
            for line in self._process.stdout:
                if guest_init.READY in line:
                    return
                said.append(line)
        self.close()
        raise LabError(f"the guest does not boot:\n{''.join(said)}{self._log.read_text()}")

    def ask(self, **command: Any) -> dict[str, Any]:
        """What came of a command."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._within(command.get("timeout_s", 0) + _ANSWER_LIMIT_S):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            while line := self._process.stdout.readline():
                if line.startswith("{"):  # the kernel may have said something, too
                    answer: dict[str, Any] = json.loads(line)
                    return answer
        raise LabError(f"the guest has ended, or did not answer to {command}")

    def close(self) -> None:
        """Switch it off."""
        self._process.kill()
        self._process.wait(timeout=10)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    @contextmanager
    def _within(self, limit_s: float) -> Iterator[None]:
        """It is killed when it takes longer, which ends the reading of what it says."""
        timer = threading.Timer(limit_s, self._process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


class GuestNamespace(Namespace):
    """A namespace of a guest; its first is that of process 1."""

    def __init__(self, guest: Guest, name: str = _FIRST) -> None:
        super().__init__(name)
        self._guest = guest

    @classmethod
    def make(cls, guest: Guest, name: str) -> GuestNamespace:
        """A new one: loopback up, IPv6 off."""
        cls(guest).run("ip", "netns", "add", name)
        namespace = cls(guest, name)
        namespace.quieten()
        return namespace

    def command(self, *argv: str) -> list[str]:
        return [*argv] if self.name == _FIRST else super().command(*argv)

    def ip(self, *argv: str) -> str:
        return self.run("ip", *argv)

    def sysctl(self, key: str, value: str) -> None:
        self.run("sysctl", "-qw", f"{key}={value}")

    def run(self, *argv: str, input: str | None = None, timeout_s: float = 30.0) -> str:
        result = self.attempt(*argv, input=input, timeout_s=timeout_s)
        if result.returncode:
            raise LabError(f"{' '.join(argv)}: exit {result.returncode}: {result.stderr.strip()}")
        return result.stdout

    def attempt(
        self, *argv: str, input: str | None = None, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        command = self.command(*argv)
        answer = self._guest.ask(argv=command, input=input, timeout_s=timeout_s)
        return subprocess.CompletedProcess(command, answer["code"], answer["out"], answer["err"])

    def begin(self, *argv: str, log: IO[bytes], env: Mapping[str, str], cwd: Path) -> Process:
        command = self.command(*argv)
        answer = self._guest.ask(argv=command, wait=False, log=log.name, env=dict(env), cwd=str(cwd))
        return GuestProcess(GuestNamespace(self._guest), answer["pid"])


class GuestProcess:
    """A program that goes on in a guest, and ends with it at the latest."""

    def __init__(self, namespace: GuestNamespace, pid: int) -> None:
        self._namespace = namespace
        self.pid = pid

    def poll(self) -> int | None:
        """None while it runs."""
        return 1 if self._namespace.attempt("kill", "-0", str(self.pid)).returncode else None

    def wait(self, timeout: float | None = None) -> int:
        """It is not waited for: the guest ends all."""
        return 0

    def send_signal(self, sig: int) -> None:
        """As of a process of this machine."""
        self._namespace.attempt("kill", f"-{int(sig)}", str(self.pid))

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)
