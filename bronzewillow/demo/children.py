"""The demo's other processes: started, waited for until they serve, ended with the demo."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bronzewillow.demo.errors import DemoError
from bronzewillow.host.children import send_signal

_END_S = 5.0


class Child:
    """A Python module run as a process of its own. It says `ready` on standard error when it serves."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @classmethod
    async def start(cls, name: str, module: str, arguments: Sequence[str], log: Path) -> Child:
        """`python -m module arguments`, with its output in `log`."""
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return cls(name, process, log)

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it serves; DemoError when it ends, or is not ready in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while "ready" not in self._log_lines():
                    if self.process.returncode is not None:
                        raise DemoError(
                            f"{self.name} ended with {self.process.returncode}: {self._last_line()}"
                        )
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await self.process.wait()
        except TimeoutError:
            raise DemoError(
                f"{self.name} is not ready after {timeout_s:.0f} s: {self._last_line()}"
            ) from None

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for one that does not heed it."""
        if self.process.returncode is not None:
            return
        send_signal(self.process, signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_S):
                await self.process.wait()
        except TimeoutError:
            send_signal(self.process, signal.SIGKILL)
            await self.process.wait()

    def _log_lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()

    def _last_line(self) -> str:
        lines = [line for line in self._log_lines() if line.strip()]
        return lines[-1] if lines else "it said nothing"
