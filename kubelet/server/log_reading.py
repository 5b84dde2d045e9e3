"""Reading a log file from its tail, and following it while its container lives and the file is rotated."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

from kubelet.server.log_lines import LineFilter
from kubelet.server.log_options import LogOptions

_BLOCK = 64 << 10
_POLL_S = 0.25
_ASK_S = 1.0
"""Between questions to the runtime, which followers may be many for."""
_LONGEST_LINE = 1 << 20


def tail_offset(file: BinaryIO, lines: int) -> int:
    """Where the last `lines` lines begin; a line without a newline at the end counts as one."""
    end = file.seek(0, os.SEEK_END)
    if lines == 0:
        return end
    at, found, is_last = end, 0, True
    while at > 0:
        begin = max(0, at - _BLOCK)
        file.seek(begin)
        block = file.read(at - begin)
        position = len(block) - 1 if is_last and block.endswith(b"\n") else len(block)
        is_last = False
        while (position := block.rfind(b"\n", 0, position)) >= 0:
            found += 1
            if found == lines:
                return begin + position + 1
        at = begin
    return 0


async def read_log(
    path: Path, options: LogOptions, is_running: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """The bytes to send. FileNotFoundError: there is no log. Ends when the container has and all is read."""
    lines = LineFilter(options)
    file: BinaryIO = path.open("rb")
    newer: BinaryIO | None = None
    try:
        if options.tail_lines is not None:
            file.seek(tail_offset(file, options.tail_lines))
        rest = b""
        is_last_look, ask_at = not options.follow, 0.0
        while not lines.is_satisfied:
            data = file.read(_BLOCK)
            if data:
                *whole, rest = (rest + data).split(b"\n")
                shown = b"".join(lines.show(line) for line in whole)
                if len(rest) > _LONGEST_LINE:
                    rest = b""
                if shown:
                    yield shown
                else:
                    await asyncio.sleep(0)
                continue
            if newer is not None:
                file.close()
                file, newer, rest = newer, None, b""
            elif (newer := _newer(path, file)) is not None:
                continue  # something may have been written after our read, and before it was moved away
            elif is_last_look:
                return
            else:
                now = asyncio.get_running_loop().time()
                if now >= ask_at:
                    # whatever it writes at its end is there before it has ended: look once more after that
                    is_last_look, ask_at = not await is_running(), now + _ASK_S
                if not is_last_look:
                    await asyncio.sleep(_POLL_S)
    finally:
        file.close()
        if newer is not None:
            newer.close()


def _newer(path: Path, file: BinaryIO) -> BinaryIO | None:
    """The file that has taken the place of the one that is open."""
    try:
        now, then = path.stat(), os.fstat(file.fileno())
        if (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino):
            if now.st_size < file.tell():  # it was cut off
                file.seek(0)
            return None
        return path.open("rb")
    except FileNotFoundError:  # between being moved away and being made anew
        return None
