"""One process of a program, and what it says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from bronzewillow.host.children import send_signal
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.lines import Lines
from bronzewillow.supervise.program import Program

_READ_BYTES = 65536


class Child:
    """It lives, or has ended."""

    def __init__(self, process: asyncio.subprocess.Process, output: int) -> None:
        """`output`: the descriptor of a pipe's end, which is ours from now on."""
        self._process, self._output = process, output

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """As far as we know."""
        return self._process.returncode is not None

    async def wait(self) -> int:
        """Its exit code, negative for a signal, once it has ended."""
        return await self._process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        send_signal(self._process, number)

    async def lines(self) -> AsyncIterator[str]:
        """All that it says, on both of its outputs; to be asked once."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._output, "rb", 0)
        )
        lines = Lines()
        try:
            while data := await reader.read(_READ_BYTES):
                for line in lines.feed(data):
                    yield line
            for line in lines.end():
                yield line
        finally:
            transport.close()


async def start(program: Program, *descriptors: int) -> Child:
    """In a session of its own, with these descriptors. UpError.

    The pipe is one of our own: asyncio would take a process for alive as long as anybody has its output.
    """
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            pass_fds=descriptors,
            start_new_session=True,
        )
    except OSError as error:
        os.close(reading)
        raise UpError(f"{program.command[0]}: cannot be run: {error.strerror}") from None
    finally:
        os.close(writing)
    return Child(process, reading)
