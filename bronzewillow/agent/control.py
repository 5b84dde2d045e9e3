"""The control API: HTTP on a unix socket in a folder that only its owner may enter."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bronzewillow.agent.capture import Capture
from bronzewillow.agent.net import Net
from bronzewillow.agent.pods import Pods
from bronzewillow.agent.status import flows, status
from bronzewillow.cni.errors import CniError
from bronzewillow.host.paths import prepare_socket_folder

_MAX_CAPTURES = 4


class ControlServer:
    """Serves /status, /flows, /metrics, /capture and /leases."""

    def __init__(
        self,
        net: Net,
        pods: Pods,
        registry: CollectorRegistry,
        look: Callable[[], Awaitable[None]],
        cluster: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """`look`: has the agent look at the leases, and returns when what they say is done."""
        self._look = look
        self._cluster = cluster
        self._net = net
        self._pods = pods
        self._registry = registry
        self._captures = 0
        self._runners: list[web.AppRunner] = []
        self._path: Path | None = None

    async def start(self, path: Path, metrics: tuple[str, int] | None) -> None:
        """Listen at `path`, and for /metrics at `metrics`. ValueError in one line when that cannot be."""
        prepare_socket_folder(path)
        _remove_stale(path)
        app = web.Application()
        app.router.add_get("/status", self._on_status)
        app.router.add_get("/flows", self._on_flows)
        app.router.add_get("/metrics", self._on_metrics)
        app.router.add_get("/capture", self._on_capture)
        app.router.add_post("/leases", self._on_leases)
        await _open(web.UnixSite(await self._runner(app), str(path)), str(path), "--control")
        path.chmod(0o600)
        self._path = path
        if metrics is not None:
            public = web.Application()
            public.router.add_get("/metrics", self._on_metrics)
            site = web.TCPSite(await self._runner(public), *metrics)
            await _open(site, f"{metrics[0]}:{metrics[1]}", "--metrics")

    async def close(self) -> None:
        """Stop serving and take the socket away."""
        for runner in self._runners:
            await runner.cleanup()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    async def _runner(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        self._runners.append(runner)
        await runner.setup()
        return runner

    async def _on_status(self, request: web.Request) -> web.Response:
        found = status(self._net, self._pods)
        if self._cluster is not None:
            found["cluster"] = self._cluster()
        return web.json_response(found)

    async def _on_flows(self, request: web.Request) -> web.Response:
        return web.json_response(flows(self._net, self._pods))

    async def _on_metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _on_leases(self, request: web.Request) -> web.Response:
        try:
            await self._look()
        except CniError as error:
            raise web.HTTPInternalServerError(text=error.message) from None
        return web.json_response({})

    async def _on_capture(self, request: web.Request) -> web.StreamResponse:
        if self._captures >= _MAX_CAPTURES:
            raise web.HTTPTooManyRequests(text=f"{_MAX_CAPTURES} captures run already\n")
        response = web.StreamResponse(headers={"Content-Type": "application/vnd.tcpdump.pcap"})
        await response.prepare(request)
        arrived = asyncio.Event()
        capture = Capture(self._net.node, arrived.set)
        self._captures += 1
        try:
            while True:
                await response.write(capture.take())
                arrived.clear()
                await arrived.wait()
        finally:
            self._captures -= 1
            capture.close()


async def _open(site: web.BaseSite, where: str, option: str) -> None:
    try:
        await site.start()
    except OSError as error:
        # the loop's own texts are long; of a name that cannot be resolved there is no errno
        reasons = {
            errno.EADDRINUSE: "address already in use",
            errno.EADDRNOTAVAIL: "not an address of this machine",
        }
        reason = reasons.get(error.errno or 0) or error.strerror or str(error)
        raise ValueError(f"{where}: {reason}; choose another with {option}") from None


def _remove_stale(path: Path) -> None:
    """Take away a socket that nobody answers on; OSError when somebody does, or when it is no socket."""
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
