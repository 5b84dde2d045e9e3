from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.supervise.claim import Claim
from bronzewillow.supervise.daemon import Daemon
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.program import Program
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback
SERVES = """
import signal, sys
awaited = {signal.SIGTERM, signal.SIGHUP}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print("hello", flush=True)
print("ready", file=sys.stderr, flush=True)
while signal.sigwait(awaited) == signal.SIGHUP:
    print("again", flush=True)
"""


class Told:
    """The log."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._more = asyncio.Event()

    def write(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._more.set()

    async def until(self, text: str, count: int = 1) -> None:
        while sum(text in line for _, line in self.lines) < count:
            self._more.clear()
            await self._more.wait()


def daemon(folder: Path, code: str, told: Told) -> Daemon:
    claim = Claim(folder / "x.lock")
    assert claim.former() is None
    return Daemon(Program("x", (sys.executable, "-c", code)), claim, told.write, "up")


def test_it_serves_is_started_again_and_ends(tmp_path: Path) -> None:
    async def main() -> None:
        told = Told()
        one = daemon(tmp_path, SERVES, told)
        running = spawn(one.run(), name="x")
        await one.wait_ready()
        assert ("x", "hello") in told.lines
        assert ("x", "ready") not in told.lines
        assert one.child is not None
        first = one.child.pid
        assert (tmp_path / "x.lock").read_text() == f"{first}\n"
        one.signal(signal.SIGHUP)
        await told.until("again")
        one.signal(signal.SIGKILL)
        await told.until("x is ready", 2)
        assert ("up", "x was ended by SIGKILL; it is started again") in told.lines
        assert one.child.pid != first
        await one.end()
        await running
        assert await one.child.wait() == 0
        one.signal(signal.SIGHUP)

    run(main())


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("print('no room', flush=True); raise SystemExit(3)", "x ended with 3: no room"),
        ("import os; os.kill(os.getpid(), 9)", "x was ended by SIGKILL: it said nothing"),
    ],
)
def test_one_that_cannot_begin_is_not_tried_again(tmp_path: Path, code: str, failure: str) -> None:
    async def main() -> None:
        one = daemon(tmp_path, code, Told())
        running = spawn(one.run(), name="x")
        with pytest.raises(UpError, match=failure):
            await one.wait_ready()
        await running
        await one.end()

    run(main())


def test_it_is_prepared_before_each_start(tmp_path: Path) -> None:
    prepared: list[int] = []

    def prepare() -> None:
        prepared.append(1)
        if len(prepared) == 2:
            raise OSError(28, "No space left on device", "node.toml")

    async def main() -> None:
        claim, told = Claim(tmp_path / "x.lock"), Told()
        one = Daemon(Program("x", (sys.executable, "-c", SERVES), prepare=prepare), claim, told.write, "up")
        running = spawn(one.run(), name="x")
        await one.wait_ready()
        one.signal(signal.SIGKILL)
        await told.until("x is ready", 2)
        assert len(prepared) == 3
        assert any("cannot be started: node.toml: No space left on device" in line for _, line in told.lines)
        await one.end()
        await running

    run(main())


def test_its_own_name_is_not_said_twice(tmp_path: Path) -> None:
    program = tmp_path / "prog"
    program.write_text("#!/bin/sh\necho 'prog: no room'\nexit 1\n")
    program.chmod(0o700)

    async def main() -> None:
        claim = Claim(tmp_path / "x.lock")
        one = Daemon(Program("x", (str(program),)), claim, Told().write, "up")
        spawn(one.run(), name="x")
        with pytest.raises(UpError, match=r"^x ended with 1: no room$"):
            await one.wait_ready()

    run(main())


def test_one_that_never_is_ready(tmp_path: Path) -> None:
    async def main() -> None:
        command = (sys.executable, "-c", "import signal; signal.pause()")
        one = Daemon(Program("x", command, 0.2), Claim(tmp_path / "x.lock"), Told().write, "up")
        spawn(one.run(), name="x")
        with pytest.raises(UpError, match=r"x was ended by SIGKILL: it was not ready after 0.2 s"):
            await one.wait_ready()

    run(main())


def test_one_that_does_not_heed_sigterm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bronzewillow.supervise.daemon._END_LIMIT_S", 0.2)

    async def main() -> None:
        told = Told()
        stubborn = SERVES.replace("== signal.SIGHUP", "in awaited")
        one = daemon(tmp_path, stubborn, told)
        running = spawn(one.run(), name="x")
        await one.wait_ready()
        await one.end()
        await running
        assert ("up", "x did not end within 0.2 s; killed") in told.lines

    run(main())
