"""The side that asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from runtime.api.ttrpc_pb2 import Request, Response
from runtime.ttrpc.errors import Code, FrameError, RpcError
from runtime.ttrpc.frame import Frame, FrameReader, Kind, emit_frame

_M = TypeVar("_M", bound=Message)


class Client(asyncio.Protocol):
    """One connection, for any number of calls at a time; made by `connect`."""

    def __init__(self) -> None:
        self._reader = FrameReader()
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self._next = 1
        self._transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the server has gone."""

    async def call(
        self, service: str, method: str, request: Message, answer: type[_M], limit_s: float | None = None
    ) -> _M:
        """The answer. RpcError, with UNAVAILABLE when the server goes away before it."""
        if self._transport is None or self._transport.is_closing():
            raise RpcError(Code.UNAVAILABLE, "the connection is closed")
        stream, self._next = self._next, self._next + 2
        envelope = Request(
            service=service,
            method=method,
            payload=request.SerializeToString(),
            timeout_nano=int(limit_s * 1e9) if limit_s else 0,
        )
        future = asyncio.get_running_loop().create_future()
        self._waiting[stream] = future
        try:
            self._transport.write(emit_frame(Frame(stream, Kind.REQUEST, 0, envelope.SerializeToString())))
            async with asyncio.timeout(limit_s):
                response: Response = await future
        except TimeoutError:
            raise RpcError(Code.DEADLINE_EXCEEDED, f"{method}: no answer in {limit_s:g} s") from None
        finally:
            self._waiting.pop(stream, None)
        if response.status.code:
            raise RpcError(response.status.code, response.status.message)
        try:
            return answer.FromString(response.payload)
        except DecodeError as error:
            raise RpcError(
                Code.INTERNAL, f"{method}: an answer that is no {answer.__name__}: {error}"
            ) from None

    def close(self) -> None:
        """End the connection; calls that wait fail."""
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio.Protocol."""
        if not self.closed.done():
            self.closed.set_result(None)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(RpcError(Code.UNAVAILABLE, "the connection was lost"))

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        try:
            for frame in self._reader.feed(data):
                future = self._waiting.get(frame.stream)
                if frame.kind == Kind.RESPONSE and future is not None and not future.done():
                    future.set_result(Response.FromString(frame.data))
        except (FrameError, DecodeError):
            self.close()


async def connect(path: Path) -> Client:
    """A client of the server that listens at `path`. OSError."""
    _, client = await asyncio.get_running_loop().create_unix_connection(Client, str(path))
    return client
