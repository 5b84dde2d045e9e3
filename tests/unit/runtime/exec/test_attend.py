from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bronzewillow.testing.aio import run
from runtime.exec.attend import attend
from runtime.exec.program import start_program
from runtime.streaming.calls import CommandStreams
from runtime.streaming.terminal_size import TerminalSize

pytestmark = pytest.mark.loopback


class Said:
    """An input of some blocks, and an output that keeps what comes."""

    def __init__(self, *blocks: bytes, is_slow: bool = False, fails: bool = False) -> None:
        self.blocks, self.is_slow, self.fails = list(blocks), is_slow, fails
        self.heard = b""

    async def read(self) -> bytes:
        return self.blocks.pop(0) if self.blocks else b""

    async def write(self, data: bytes) -> None:
        if self.fails:
            raise ConnectionResetError("gone")
        if self.is_slow:
            await asyncio.sleep(0.001)
        self.heard += data

    async def end(self) -> None: ...


class Silent(Said):
    async def read(self) -> bytes:
        await asyncio.Event().wait()
        return b""


async def ran(script: str, streams: CommandStreams, *, tty: bool = False) -> int:
    program = await start_program(
        ["sh", "-c", script], {}, stdin=streams.stdin is not None, stdout=True, stderr=not tty, tty=tty
    )
    program.begin()
    try:
        return await attend(program, streams, tty=tty)
    finally:
        await program.end()


def test_all_of_the_output_comes_however_slowly_it_is_taken() -> None:
    out, err = Said(is_slow=True), Said()
    streams = CommandStreams(Silent(), out, err)
    assert run(ran("head -c 300000 /dev/zero; echo no >&2; exit 3", streams)) == 3
    assert (len(out.heard), err.heard) == (300_000, b"no\n")


def test_input_and_its_end() -> None:
    out = Said()
    assert run(ran("cat", CommandStreams(Said(b"ab", b"c" * 200_000), out))) == 0
    assert out.heard == b"ab" + b"c" * 200_000


def test_input_that_the_program_does_not_take() -> None:
    stdin, script = Said(*[b"x" * 100_000] * 20), "exec <&-; read x < /dev/null; sleep 0.1"
    assert run(ran(script, CommandStreams(stdin, Said()))) == 0


def test_a_caller_that_has_gone() -> None:
    with pytest.raises(ConnectionResetError, match="gone"):
        run(ran("echo x; sleep 61", CommandStreams(None, Said(fails=True))))


def test_a_daemon_that_holds_the_output_open_is_not_waited_for() -> None:
    out = Said()
    script = 'python3 -c \'import os; os.setsid(); os.execvp("sleep", ["sleep", "7"])\' & echo done'
    assert run(ran(script, CommandStreams(None, out))) == 0
    assert out.heard == b"done\n"


def test_a_terminal() -> None:
    async def sizes() -> AsyncIterator[TerminalSize]:
        yield TerminalSize(90, 30)

    out = Said()
    streams = CommandStreams(Said(b"stty size; exit 4\n"), out, sizes=sizes())
    script = """stty -echo; while [ "$(stty size)" = "0 0" ]; do :; done; . /dev/stdin"""
    assert run(ran(script, streams, tty=True)) == 4
    assert out.heard.endswith(b"30 90\r\n")
