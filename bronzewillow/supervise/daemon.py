"""One daemon: started, waited for until it says `ready`, started again when it dies, ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

from bronzewillow.host.tasks import spawn
from bronzewillow.supervise.child import Child, start
from bronzewillow.supervise.claim import Claim
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.program import Program
from bronzewillow.supervise.restarts import Restarts

READY = "ready"
_END_LIMIT_S = 15.0  # the agent lets connections finish for ten
_LAST_LINES_S = 1.0

Tell = Callable[[str, str], None]
"""A line of the log: who says it, and what."""


class Daemon:
    """Of one program. It is in a session of its own: Ctrl-C reaches us alone, and we end it in order."""

    def __init__(
        self, program: Program, claim: Claim, tell: Tell, itself: str,
        is_needed: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        """`itself`: the name under which we tell what we see. `is_needed`: asked when it has died."""
        self.program, self._claim, self._tell, self._itself = program, claim, tell, itself
        self._is_needed = is_needed
        self.child: Child | None = None
        self._ended = asyncio.Event()
        self._has_begun = asyncio.Event()
        self._failure = ""
        self._last_line = ""

    async def wait_ready(self) -> None:
        """Until it serves for the first time. UpError when it will not."""
        await self._has_begun.wait()
        if self._failure:
            raise UpError(self._failure)

    async def run(self) -> None:
        """Until `end`, until it dies and is not needed, or until it dies before it has ever been ready: that
        would only happen again.
        """
        restarts, clock, name = Restarts(), asyncio.get_running_loop().time, self.program.name
        while not self._ended.is_set():
            begun = clock()
            try:
                how = _how(await self._live())
            except UpError as error:
                how = f"cannot be started: {error}"
            if self._ended.is_set():
                return
            if not self._has_begun.is_set():
                said = self._last_line.removeprefix(f"{Path(self.program.command[0]).name}: ")
                self._failure = f"{name} {how}: {said or 'it said nothing'}"
                self._has_begun.set()
                return
            if not self._is_needed():
                return
            wait_s = restarts.wait_s(clock() - begun)
            after = f" in {wait_s:g} s" if wait_s else ""
            self._tell(self._itself, f"{name} {how}; it is started again{after}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._ended.wait()

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for one that does not heed it."""
        self._ended.set()
        if self.child is not None and not self.child.has_ended:
            self.signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_END_LIMIT_S):
                    await self.child.wait()
            except TimeoutError:
                self._tell(self._itself, f"{self.program.name} did not end within {_END_LIMIT_S:g} s; killed")
                self.signal(signal.SIGKILL)
                await self.child.wait()

    def kill(self) -> None:
        """SIGKILL, of which it does not come up again."""
        self._ended.set()
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """To the daemon, if it lives."""
        if self.child is not None:
            self.child.signal(number)

    async def _live(self) -> int:
        """One life of it; its exit code. UpError."""
        begun = asyncio.get_running_loop().time()
        try:
            self.program.prepare()
        except OSError as error:
            raise UpError(f"{error.filename}: {error.strerror}") from None
        self.child = child = await start(self.program, self._claim.descriptor)
        self._claim.name(child.pid)
        ready = asyncio.Event()
        reading = spawn(self._read(child, ready, begun), name=f"lines of {self.program.name}")
        expecting = spawn(self._expect(child, ready), name=f"{self.program.name} is to be ready")
        if self._ended.is_set():
            self.signal(signal.SIGTERM)
        code = await child.wait()
        expecting.cancel()
        # a child of its own may have its output still
        await asyncio.wait([reading], timeout=_LAST_LINES_S)
        reading.cancel()
        return code

    async def _read(self, child: Child, ready: asyncio.Event, begun: float) -> None:
        async for line in child.lines():
            if line == READY:
                ready.set()
                self._has_begun.set()
                took_s = asyncio.get_running_loop().time() - begun
                self._tell(self._itself, f"{self.program.name} is ready: process {child.pid}, {took_s:.1f} s")
                continue
            if line.strip():
                self._last_line = line
            self._tell(self.program.name, line)

    async def _expect(self, child: Child, ready: asyncio.Event) -> None:
        limit_s = self.program.ready_limit_s
        try:
            async with asyncio.timeout(limit_s):
                await ready.wait()
        except TimeoutError:
            self._last_line = f"it was not ready after {limit_s:g} s"
            self._tell(self._itself, f"{self.program.name}: {self._last_line}")
            child.signal(signal.SIGKILL)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
