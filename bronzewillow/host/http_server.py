"""What all our HTTP servers have in common: of faults they log their own, and nothing that strangers send."""

from __future__ import annotations

import logging
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


def _is_ours(record: logging.LogRecord) -> bool:
    """Strangers do not fill logs: what they send is answered, and told to whoever debugs."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, _STRANGE):
        return True
    logging.getLogger(record.name).debug("%s: %r", record.getMessage(), error)
    return False
