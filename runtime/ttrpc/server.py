"""The side that answers: a method is a coroutine function of one message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError, Message

from bronzewillow.host.tasks import spawn
from runtime.api.ttrpc_pb2 import Request, Response, Status
from runtime.ttrpc.errors import Code, FrameError, RpcError
from runtime.ttrpc.frame import Frame, FrameReader, Kind, emit_frame

_MOST_CALLS = 256
"""Of one connection at a time."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Method:
    """One that can be called."""

    request: type[Message]
    call: Callable[[Any], Awaitable[Message]]
    """May raise RpcError."""


Services = Mapping[str, Mapping[str, Method]]
"""By the service's full name, then by the method's."""


class Connection(asyncio.Protocol):
    """The connection of one client."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reader = FrameReader()
        self._calls: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio's; who has gone waits for no answer."""
        for call in self._calls:
            call.cancel()

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        assert self._transport is not None
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            _log.warning("ttrpc: %s", error)
            self._transport.abort()
            return
        for frame in frames:
            if frame.kind != Kind.REQUEST:
                continue  # streams are not spoken; their first frame has been refused
            if len(self._calls) >= _MOST_CALLS:
                self._answer(frame.stream, Response(status=Status(code=Code.UNAVAILABLE, message="too busy")))
                continue
            call = spawn(self._serve(frame), name=f"ttrpc {frame.stream}")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _serve(self, frame: Frame) -> None:
        try:
            response = Response(payload=await self._call(frame))
        except RpcError as error:
            response = Response(status=Status(code=error.code, message=str(error)))
        except Exception as error:
            _log.exception("ttrpc call failed")
            response = Response(status=Status(code=Code.INTERNAL, message=f"{type(error).__name__}: {error}"))
        self._answer(frame.stream, response)

    async def _call(self, frame: Frame) -> bytes:
        try:
            request = Request.FromString(frame.data)
            method = self._services.get(request.service, {}).get(request.method)
            if method is None or frame.flags:
                raise RpcError(Code.UNIMPLEMENTED, f"{request.service}/{request.method} is not served here")
            message = method.request.FromString(request.payload)
        except DecodeError as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"no protobuf of this call: {error}") from None
        limit_s = request.timeout_nano / 1e9 if request.timeout_nano > 0 else None
        try:
            async with asyncio.timeout(limit_s):
                return (await method.call(message)).SerializeToString()
        except TimeoutError:
            raise RpcError(Code.DEADLINE_EXCEEDED, f"{request.method}: not done in {limit_s:g} s") from None

    def _answer(self, stream: int, response: Response) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(emit_frame(Frame(stream, Kind.RESPONSE, 0, response.SerializeToString())))
