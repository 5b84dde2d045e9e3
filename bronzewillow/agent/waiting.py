"""What is said on the control socket while the cluster has not given this node a place in its network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from bronzewillow.agent.control_socket import ControlSocket

_TEXT = "the agent waits for its cluster; `bronzewillow status` says for what\n"


class WaitingRoom:
    """Of an agent that is not there yet."""

    def __init__(self, cluster: Callable[[], dict[str, Any]]) -> None:
        """`cluster`: what is waited for."""
        self._cluster = cluster
        self._socket = ControlSocket()

    async def open(self, path: Path) -> None:
        """ValueError in one line when that cannot be; OSError."""
        app = web.Application()
        app.router.add_get("/status", self._on_status)
        app.router.add_route("*", "/{other}", self._on_other)
        await self._socket.serve(app, path)

    async def close(self) -> None:
        """The agent takes the socket over."""
        await self._socket.close()

    async def _on_status(self, request: web.Request) -> web.Response:
        nothing: dict[str, Any] = {"overlays": [], "peers": [], "pods": [], "drops": {}}
        return web.json_response({**nothing, "cluster": self._cluster()})

    async def _on_other(self, request: web.Request) -> web.Response:
        raise web.HTTPServiceUnavailable(text=_TEXT)
