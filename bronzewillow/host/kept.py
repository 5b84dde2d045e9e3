"""Sockets that somebody has removed are made anew.

What tidies temporary folders removes sockets, too, and who serves there is not told. Systems that could tell
do so in a way of their own each; a look now and then costs next to nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

_LOOK_EVERY_S = 1.0
_log = logging.getLogger(__name__)


async def keep(path: Path, listen: Callable[[], Awaitable[object]]) -> None:
    """Call `listen` whenever nothing stands at `path`, until cancelled.

    Why it cannot be is told once: what it raises of OSError, ValueError and RuntimeError.
    """
    trouble = ""
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        if os.path.lexists(path):  # whosever it is
            continue
        try:
            await listen()
        except (OSError, ValueError, RuntimeError) as error:
            if str(error) != trouble:
                trouble = str(error)
                _log.error("%s: was removed, and cannot be made anew: %s", path, trouble)
        else:
            trouble = ""
            _log.warning("%s: was removed by somebody, and is there again", path)
