"""What all our HTTP servers have in common: of faults they log their own, and nothing that strangers send."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
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


class Crowd:
    """Connections of strangers, `most` at a time: one that asks for nothing, or has not sent the body of what
    it asks, makes room for another, the oldest first. While all of them are being answered, nobody else is
    let in.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._answered: dict[web.RequestHandler, web.Request] = {}

    @web.middleware
    async def answering(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """A middleware of the application, by which it is known who is being answered."""
        connection = request.protocol
        self._answered[connection] = request
        try:
            return await handler(request)
        finally:
            self._answered.pop(connection, None)

    def door(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """Makes the protocols of a listener that strangers reach."""

        def make() -> asyncio.Protocol:
            there = [one for one in server.connections if one.transport and not one.transport.is_closing()]
            if len(there) >= self._most:
                idle = next((one for one in there if not self._is_owed(one)), None)
                if idle is None or idle.transport is None:
                    return _Refused()
                idle.transport.abort()
            return server()

        return make

    def _is_owed(self, connection: web.RequestHandler) -> bool:
        """Whether an answer is, to a request that is here whole."""
        request = self._answered.get(connection)
        return request is not None and request.content.is_eof()


class _Refused(asyncio.Protocol):
    """Of a connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def _is_ours(record: logging.LogRecord) -> bool:
    """Strangers do not fill logs: what they send is answered, and told to whoever debugs."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, _STRANGE):
        return True
    logging.getLogger(record.name).debug("%s: %r", record.getMessage(), error)
    return False
