"""What all our HTTP servers have in common: of faults they log their own, and nothing that strangers send."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

_STRANGE = (HttpProcessingError, UnicodeEncodeError)
"""What is no HTTP, and what expects what is no text."""


def http_runner(app: web.Application, name: str, **options: Any) -> web.AppRunner:
    """Serves `app`; `name` is the logger's, `options` are those of aiohttp.

    A handler is cancelled as soon as its client has gone, which frees what it holds.
    """
    log = logging.getLogger(f"{name}.http")
    log.addFilter(_is_ours)
    return web.AppRunner(app, handler_cancellation=True, access_log=None, logger=log, **options)


def bounded(server: web.Server, most: int) -> Callable[[], asyncio.Protocol]:
    """Makes protocols where strangers come: of `most` connections the oldest makes room for another."""

    def make() -> asyncio.Protocol:
        there = [one.transport for one in server.connections if one.transport is not None]
        there = [transport for transport in there if not transport.is_closing()]
        for transport in there[: max(len(there) - most + 1, 0)]:
            transport.abort()
        return server()

    return make


def _is_ours(record: logging.LogRecord) -> bool:
    """Strangers do not fill logs: what they send is answered, and told to whoever debugs."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, _STRANGE):
        return True
    logging.getLogger(record.name).debug("%s: %r", record.getMessage(), error)
    return False
