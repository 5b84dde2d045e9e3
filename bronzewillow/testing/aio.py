"""Running one coroutine as a test: a deadline, and no task left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T], timeout_s: float = 120.0) -> _T:
    """Run `main` on a fresh loop; TimeoutError after `timeout_s` seconds of real time.

    That is for what hangs. A machine with much else to do may take a hundred times as long as an idle one.
    """

    async def bounded() -> _T:
        async with asyncio.timeout(timeout_s):
            return await main

    return asyncio.run(bounded())


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel `task` and wait until it has ended; the error of one that failed before is raised."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()):
        raise error
