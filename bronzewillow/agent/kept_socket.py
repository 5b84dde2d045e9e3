"""A unix socket that stands at its path until it is closed, whoever removes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bronzewillow.host.kept import keep
from bronzewillow.host.listening import ONE, with_queue
from bronzewillow.host.paths import prepare_socket_folder
from bronzewillow.host.tasks import spawn


class KeptSocket:
    """For its owner alone, in a folder that is made where it is missing."""

    def __init__(self, path: Path, make: Callable[[], asyncio.Protocol]) -> None:
        """`make`: the protocol of each connection."""
        self._path, self._make = path, make
        self._server: asyncio.Server | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen. ValueError in one line, OSError."""
        await self._listen()
        self._keeping = spawn(keep(self._path, self._listen), name=f"socket {self._path}")

    def close(self) -> None:
        """Take it away; connections go on. Idempotent."""
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)

    async def _listen(self) -> None:
        prepare_socket_folder(self._path)
        if self._server is not None:
            # before another takes its name: later Pythons remove the file of a server that is closed
            self._server.close()
        loop = asyncio.get_running_loop()
        self._server = server = await loop.create_unix_server(
            self._make, str(self._path), backlog=ONE, start_serving=False
        )
        self._path.chmod(0o600)
        await with_queue(_serving(server))


async def _serving(server: asyncio.Server) -> asyncio.Server:
    await server.start_serving()
    return server
