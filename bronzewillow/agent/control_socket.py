"""Where the agent is spoken to: HTTP on a unix socket in a folder that only its owner may enter."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from bronzewillow.agent.kept_socket import KeptSocket
from bronzewillow.host.http_server import bounded, http_runner
from bronzewillow.host.listening import ONE, with_queue
from bronzewillow.host.paths import prepare_socket_folder

_MOST = 64
"""Connections of strangers; who asks for metrics needs one for a moment."""


class ControlSocket:
    """Serves applications until it is closed."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []
        self._listeners: list[asyncio.Server] = []
        self._kept: KeptSocket | None = None

    async def serve(self, app: web.Application, path: Path) -> None:
        """ValueError in one line when that cannot be; OSError."""
        prepare_socket_folder(path)
        _remove_stale(path)
        kept = self._kept = KeptSocket(path, await self._server(app))
        with _explained(str(path), "--control"):
            await kept.open()

    async def serve_tcp(self, app: web.Application, host: str, port: int, option: str) -> None:
        """ValueError in one line, with the option that names another place, when that cannot be."""
        server, loop = bounded(await self._server(app), _MOST), asyncio.get_running_loop()
        with _explained(f"{host}:{port}", option):
            self._listeners.append(await with_queue(loop.create_server(server, host, port, backlog=ONE)))

    async def close(self) -> None:
        """Stop serving and take the socket away."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def _server(self, app: web.Application) -> web.Server:
        runner = http_runner(app, __name__, shutdown_timeout=0.5)
        self._runners.append(runner)
        await runner.setup()
        assert runner.server is not None
        return runner.server


@contextmanager
def _explained(where: str, option: str) -> Iterator[None]:
    try:
        yield
    except UnicodeError:  # an empty label, or one above 63 bytes
        raise ValueError(f"{where}: is no host name; choose another with {option}") from None
    except OSError as error:
        # the loop's own texts are long; of a name that cannot be resolved there is no errno
        reasons = {
            errno.EADDRINUSE: "address already in use",
            errno.EADDRNOTAVAIL: "not an address of this machine",
        }
        reason = reasons.get(error.errno or 0) or error.strerror or str(error)
        raise ValueError(f"{where}: {reason}; choose another with {option}") from None


def _remove_stale(path: Path) -> None:
    """Take away a socket that nobody answers on; ValueError when somebody does, or when it is no socket."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ValueError(f"{path}: is no socket; choose another path with --control")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise ValueError(f"{path}: another agent answers here; end it, or choose another path with --control")
