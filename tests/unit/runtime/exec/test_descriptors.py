from __future__ import annotations

import asyncio
import os

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from runtime.exec.descriptors import Descriptor


def pipe() -> tuple[Descriptor, Descriptor]:
    reading, writing = os.pipe()
    return Descriptor(reading), Descriptor(writing)


def test_more_than_a_pipe_holds() -> None:
    async def main() -> None:
        reading, writing = pipe()
        sending = spawn(writing.write(bytes(1 << 20)), name="write")
        count = 0
        while count < 1 << 20:
            count += len(await reading.read())
        await sending
        writing.close()
        assert await reading.read() == b""
        reading.close()
        reading.close()

    run(main())


def test_nobody_reads() -> None:
    async def main() -> None:
        reading, writing = pipe()
        reading.close()
        with pytest.raises(BrokenPipeError):
            await writing.write(b"x")
        writing.close()

    run(main())


def test_a_pipe_that_somebody_holds_open_is_not_waited_for() -> None:
    async def main() -> None:
        reading, writing = pipe()
        waiting = spawn(reading.read(), name="read")
        await asyncio.sleep(0)
        reading.finish(0)
        assert await waiting == b""
        await writing.write(b"late")
        assert (await reading.read(), await reading.read()) == (b"late", b"")
        for one in (reading, writing):
            one.close()

    run(main())


def test_a_terminal_that_nobody_has_open() -> None:
    async def main() -> None:
        ours, theirs = os.openpty()
        terminal = Descriptor(ours)
        os.write(theirs, b"said")
        os.close(theirs)
        assert (await terminal.read(), await terminal.read()) == (b"said", b"")
        terminal.close()

    run(main())
