"""The command line as a shell runs it: in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a command."""

    code: int
    out: str
    err: str


async def start(*arguments: object) -> asyncio.subprocess.Process:
    """`bronzewillow` with these words, whose outputs are pipes."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bronzewillow", *map(str, arguments), stdout=pipe, stderr=pipe
    )


async def bronzewillow(*arguments: object) -> Ended:
    """What came of `bronzewillow` with these words."""
    process = await start(*arguments)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
