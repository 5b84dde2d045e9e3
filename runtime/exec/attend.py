"""A program and whoever called for it: what each says goes to the other, until the program has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from runtime.exec.descriptors import Descriptor
from runtime.exec.program import Program
from runtime.streaming.calls import CommandStreams, Input, Output
from runtime.streaming.terminal_size import TerminalSize

_PATIENCE_S = 0.5
"""For output of a program that has ended: it is there, unless a daemon that it left has its pipe."""


async def attend(program: Program, streams: CommandStreams, *, tty: bool = False) -> int:
    """Its exit code, after all of its output. ConnectionError when the caller has gone."""
    try:
        async with asyncio.TaskGroup() as group:
            inward, outward = [], []
            if streams.stdin is not None and program.stdin is not None:
                inward.append(group.create_task(_feed(streams.stdin, program.stdin, closes=not tty)))
            if streams.sizes is not None:
                inward.append(group.create_task(_resize(streams.sizes, program)))
            for source, output in ((program.stdout, streams.stdout), (program.stderr, streams.stderr)):
                if source is not None:
                    outward.append(group.create_task(pump(source, output)))
            code = await program.wait()
            program.kill()  # what it has left behind
            for source in (program.stdout, program.stderr):
                if source is not None:
                    source.finish(_PATIENCE_S)
            for task in inward:
                task.cancel()
            if outward:
                await asyncio.wait(outward)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return code


async def pump(source: Descriptor, output: Output | None) -> None:
    """All that it says; it is read no faster than it is taken. Without an output it goes nowhere."""
    while data := await source.read():
        if output is not None:
            await output.write(data)


async def _feed(stdin: Input, program: Descriptor, *, closes: bool) -> None:
    """What the program does not read any more is thrown away, so that it holds nothing else up."""
    is_read = True
    while data := await stdin.read():
        if is_read:
            try:
                await program.write(data)
            except BrokenPipeError:
                is_read = False
    if closes:
        program.close()


async def _resize(sizes: AsyncIterator[TerminalSize], program: Program) -> None:
    async for size in sizes:
        program.resize(size.width, size.height)
