from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from google.protobuf.empty_pb2 import Empty

from runtime.api.task_pb2 import StateRequest, StateResponse
from runtime.ttrpc.client import Client, connect
from runtime.ttrpc.errors import Code, RpcError
from runtime.ttrpc.server import Connection, Method


class Names:
    """A service to be called."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def ask(self, request: StateRequest) -> StateResponse:
        match request.id:
            case "missing":
                raise RpcError(Code.NOT_FOUND, "it is not here")
            case "broken":
                raise KeyError("x")
            case "slow":
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled += 1
                    raise
        return StateResponse(id=request.id * 2)

    async def nothing(self, request: Empty) -> Empty:
        return Empty()


Serve = Callable[[], AbstractAsyncContextManager[tuple[Client, Names, Path]]]


@pytest.fixture
def serve() -> Serve:
    """A client, the service it calls, and the socket."""

    @asynccontextmanager
    async def served() -> AsyncIterator[tuple[Client, Names, Path]]:
        names = Names()
        services = {
            "a.Names": {"Ask": Method(StateRequest, names.ask), "Nothing": Method(Empty, names.nothing)}
        }
        with TemporaryDirectory(prefix="bw") as folder:
            path = Path(folder) / "s"
            loop = asyncio.get_running_loop()
            server = await loop.create_unix_server(lambda: Connection(services), str(path))
            client = await connect(path)
            try:
                yield client, names, path
            finally:
                client.close()
                await client.closed
                server.close()
                await server.wait_closed()

    return served
