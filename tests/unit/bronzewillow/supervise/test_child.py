from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.supervise.child import start
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.program import Program
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback


def python(code: str) -> Program:
    return Program("x", (sys.executable, "-u", "-c", code))


async def _next(lines: AsyncIterator[str]) -> str | None:
    return await anext(lines, None)


def test_all_that_it_says_is_heard() -> None:
    async def main() -> None:
        child = await start(python("import sys; print('a' * 9); print('b', file=sys.stderr, end='')"))
        assert [line async for line in child.lines()] == ["a" * 9, "b"]
        assert await child.wait() == 0
        assert child.has_ended
        child.signal(signal.SIGTERM)

    run(main())


def test_one_that_cannot_be_run() -> None:
    with pytest.raises(UpError, match="/nowhere: cannot be run: No such file"):
        run(start(Program("x", ("/nowhere",))))


def test_its_end_is_seen_though_a_child_of_its_own_has_its_output() -> None:
    code = (
        "import os, signal, sys\n"
        "if os.fork() == 0: signal.pause()\n"
        "print(os.getpgid(0), flush=True); signal.pause()"
    )

    async def main() -> None:
        child = await start(python(code))
        lines = child.lines()
        group = int(await anext(lines))
        assert group == child.pid
        child.signal(signal.SIGKILL)
        assert await child.wait() == -9
        rest = spawn(_next(lines), name="next")
        await asyncio.sleep(0)
        assert not rest.done()
        os.killpg(group, signal.SIGKILL)
        assert await rest is None

    run(main())


def test_descriptors_that_it_is_given() -> None:
    async def main() -> None:
        read, write = os.pipe()
        child = await start(python(f"import os; os.write({write}, b'x')"), write)
        assert await child.wait() == 0
        assert os.read(read, 1) == b"x"
        assert [line async for line in child.lines()] == []
        os.close(read)
        os.close(write)

    run(main())
