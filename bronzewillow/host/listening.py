"""Listeners that a lack of descriptors does not upset.

asyncio accepts as many connections at a time as the queue of its listener is long. Where no descriptor is
left, it logs an error for each of them and sets a timer for each to try all of it again a second later:
what is logged and tried grows from second to second (Lib/asyncio/selector_events.py, _accept_connection).
So the loop is told of a queue of one, and the system of the one that there is.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Awaitable
from typing import Any

QUEUE = 1024
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
ONE = 1
"""The `backlog` with which the loop is asked to listen."""
_SILENT_S = 0.5
"""After a line; the loop's own tries are a second apart."""
_log = logging.getLogger(__name__)


async def with_queue(listening: Awaitable[asyncio.Server]) -> asyncio.Server:
    """What was asked to listen with a `backlog` of `ONE`, with a queue of some length. OSError."""
    server = await listening
    for one in server.sockets:
        with socket.socket(fileno=os.dup(one.fileno())) as twin:
            twin.listen(QUEUE)
    return server


def tell_scarcity_shortly() -> None:
    """On the running loop: that descriptors are lacking is a line each second, without a traceback."""
    asyncio.get_running_loop().set_exception_handler(_ExceptionTeller())


class _ExceptionTeller:
    """Of newer Pythons (3.14) the loop tries once more than its queue is long, at the same moment."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not ("socket" in context and isinstance(error, OSError) and error.errno in _SCARCE):
            loop.default_exception_handler(context)
        elif loop.time() >= self._silent_until:
            self._silent_until = loop.time() + _SILENT_S
            _log.error("%s: connections wait; ulimit -n is too low, or there are too many", error.strerror)
