"""Server-sent events: one `data:` line of JSON per event, a comment while nothing happens, `[DONE]` at the
end.

The status is not sent before the first event is there: a request that fails at once gets a real status
code. The comments keep the connection alive through proxies that cut idle ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from runtime.openai.errors import ApiError, dumps

_WRITE_LIMIT_S = 60.0


class SseWriter:
    """The response of one stream."""

    def __init__(self, request: web.Request, *, write_limit_s: float = _WRITE_LIMIT_S) -> None:
        self._request = request
        self._write_limit_s = write_limit_s
        self._response: web.StreamResponse | None = None

    async def begin(self) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
            }
        )
        self._response = response
        await response.prepare(self._request)
        return response

    async def send(self, events: list[dict[str, Any]]) -> None:
        """All events in one write, hence one packet where they fit."""
        await self._write("".join(f"data: {dumps(event)}\n\n" for event in events).encode())

    async def done(self) -> None:
        await self._write(b"data: [DONE]\n\n")

    async def fail(self, error: ApiError) -> None:
        """After the status has been sent, an error is an event, and no `[DONE]` follows."""
        await self._write(f"data: {dumps(error.body)}\n\n".encode())

    async def pump(self, batches: AsyncIterator[list[dict[str, Any]]]) -> web.StreamResponse:
        """Send what `batches` yields, a comment for an empty batch, and the end mark."""
        try:
            async for events in batches:
                if self._response is None:
                    await self.begin()
                await (self.send(events) if events else self._write(b": ping\n\n"))
            response = self._response or await self.begin()
            await self.done()
        except ApiError as err:
            if self._response is None:
                raise
            response = self._response
            await self.fail(err)
        return response

    async def _write(self, data: bytes) -> None:
        assert self._response is not None
        try:
            async with asyncio.timeout(self._write_limit_s):
                await self._response.write(data)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the client does not read") from None
