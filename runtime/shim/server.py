"""The shim itself: one loop, which ends when its pod has gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from runtime.oci.spare import Spare
from runtime.shim.arguments import Arguments
from runtime.shim.events import Events
from runtime.shim.service import TaskService
from runtime.ttrpc.server import Connection

_FLUSH_S = 2.0
_LOOK_S = 5.0


def serve(arguments: Arguments, root: Path, spare: Spare) -> None:
    """Until it is told to end, or nobody can reach it any more; `spare`: for the first container."""
    logging.basicConfig(
        level=logging.DEBUG if arguments.debug else logging.INFO,
        format="%(asctime)s %(levelname)s shim: %(message)s",
    )
    asyncio.run(_serve(arguments, root, spare))


async def _serve(arguments: Arguments, root: Path, spare: Spare) -> None:
    loop = asyncio.get_running_loop()
    leaving = asyncio.Event()
    events = Events(os.environ.get("TTRPC_ADDRESS", ""), arguments.namespace)
    service = TaskService(root, events, leaving.set, spare)
    services = service.services()
    _on_signals(loop, service.reap)
    listener = socket.socket(fileno=arguments.listener)
    listener.setblocking(False)
    server = await loop.create_unix_server(lambda: Connection(services), sock=listener)
    try:
        await _until(leaving, arguments.socket)
    finally:
        server.close()
        service.close()
        with contextlib.suppress(OSError):
            arguments.socket.unlink()
        await events.flushed(_FLUSH_S)
        await asyncio.sleep(0)  # the answer to Shutdown is on its way


def _on_signals(loop: asyncio.AbstractEventLoop, reap: Callable[[], None]) -> None:
    """A shim dies with its pod, not with a terminal or at a logout; SIGKILL remains."""
    loop.add_signal_handler(signal.SIGCHLD, reap)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: None)


async def _until(leaving: asyncio.Event, path: Path) -> None:
    """Also end when the socket's folder was cleared away: then nobody will ever come."""
    while path.exists():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await leaving.wait()
                return
