from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import psutil
import pytest

from bronzewillow.testing.aio import run
from runtime.exec.descriptors import Descriptor
from runtime.exec.program import start_program

pytestmark = pytest.mark.loopback


async def all_of(descriptor: Descriptor | None) -> bytes:
    assert descriptor is not None
    found = b""
    while data := await descriptor.read():
        found += data
    return found


def test_streams_environment_and_code() -> None:
    async def main() -> None:
        program = await start_program(
            ["sh", "-c", "cat; echo $A >&2; exit 7"], {"A": "b"}, stdin=True, stdout=True, stderr=True
        )
        program.begin()
        assert program.stdin is not None
        await program.stdin.write(b"in")
        program.stdin.close()
        assert (await all_of(program.stdout), await all_of(program.stderr)) == (b"in", b"b\n")
        assert await program.wait() == 7
        await program.end()

    run(main())


def test_what_is_not_wanted_goes_nowhere() -> None:
    async def main() -> None:
        program = await start_program(["sh", "-c", "cat; echo x; echo y >&2"], {})
        program.begin()
        assert (program.stdin, program.stdout, program.stderr, await program.wait()) == (None, None, None, 0)
        await program.end()

    run(main())


def test_a_terminal_and_its_size() -> None:
    async def main() -> None:
        script = "echo $TERM; read line; stty size; kill -9 $$"
        program = await start_program(
            ["sh", "-c", script], {"TERM": "xterm"}, stdin=True, stdout=True, tty=True
        )
        program.begin()
        assert program.stdin is program.stdout and program.stdin is not None
        program.resize(101, 33)
        await program.stdin.write(b"go\n")
        said = (await all_of(program.stdout)).replace(b"go\r\n", b"")
        assert said == b"xterm\r\n33 101\r\n"
        assert await program.wait() == 137
        await program.end()

    run(main())


def test_the_end_takes_all_that_it_started() -> None:
    async def main() -> None:
        program = await start_program(["sh", "-c", "sleep 61 & echo $!; wait"], {}, stdout=True)
        program.begin()
        assert program.stdout is not None
        child = psutil.Process(int(await program.stdout.read()))
        await program.end()
        with contextlib.suppress(psutil.NoSuchProcess):
            await asyncio.to_thread(child.wait, 60)
        await program.end()

    run(main())


def test_one_that_cannot_be_run() -> None:
    count = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(OSError, match="No such file"):
        run(start_program(["/none/x"], {}, stdin=True, stdout=True, stderr=True))
    assert len(list(Path("/dev/fd").iterdir())) == count


def test_the_environment_does_not_choose_the_program(tmp_path: Path) -> None:
    (tmp_path / "sh").write_text("#!/bin/cat\n")
    (tmp_path / "sh").chmod(0o755)

    async def main() -> None:
        environment = {"PATH": str(tmp_path)}
        program = await start_program(["sh", "-c", "echo ours"], environment, stdout=True)
        program.begin()
        assert await all_of(program.stdout) == b"ours\n"
        await program.end()
        with pytest.raises(FileNotFoundError, match="no-such-program"):
            await start_program(["no-such-program"], environment, tty=True)

    run(main())


def test_it_waits_until_it_may_begin(tmp_path: Path) -> None:
    async def main() -> None:
        for is_let in (True, False):
            program = await start_program(["touch", str(tmp_path / str(is_let))], {}, stdout=True)
            if is_let:
                program.begin()
                assert await program.wait() == 0
            await program.end()
        assert [path.name for path in tmp_path.iterdir()] == ["True"]

    run(main())


def test_what_is_no_program() -> None:
    with pytest.raises(PermissionError, match="Permission denied"):
        run(start_program(["/"], {}))


@pytest.mark.parametrize("tty", [False, True])
def test_signals_are_as_programs_expect_them(tty: bool) -> None:
    async def main() -> None:
        # a shell dies of it, unless it was begun with it ignored, as Python does
        program = await start_program(["sh", "-c", "kill -PIPE $$; echo lives"], {}, stdout=True, tty=tty)
        program.begin()
        assert (await all_of(program.stdout), await program.wait()) == (b"", 128 + signal.SIGPIPE)
        await program.end()

    run(main())
