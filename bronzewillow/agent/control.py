"""The control API: what the agent tells of itself, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bronzewillow.agent.capture import Capture
from bronzewillow.agent.control_socket import ControlSocket
from bronzewillow.agent.explaining import Known, Unknown, answer
from bronzewillow.agent.net import Net
from bronzewillow.agent.pods import Pods
from bronzewillow.agent.status import flows, status
from bronzewillow.cni.errors import CniError

_MAX_CAPTURES = 4


class ControlServer:
    """Serves /status, /flows, /metrics, /capture, /explain and /leases."""

    def __init__(
        self,
        net: Net,
        pods: Pods,
        registry: CollectorRegistry,
        look: Callable[[], Awaitable[None]],
        cluster: Callable[[], dict[str, Any]] | None = None,
        outlets: Mapping[str, str] = MappingProxyType({}),
        known: Callable[[], Known | None] = lambda: None,
    ) -> None:
        """`look`: has the agent look at the leases, and returns when what they say is done.

        `outlets`: where pods and programs find the proxy, as far as there is one. `known`: what policies are
        made of.
        """
        self._known = known
        self._outlets = outlets
        self._look = look
        self._cluster = cluster
        self._net = net
        self._pods = pods
        self._registry = registry
        self._captures = 0
        self._socket = ControlSocket()

    async def start(self, path: Path, metrics: tuple[str, int] | None) -> None:
        """Listen at `path`, and for /metrics at `metrics`. ValueError in one line when that cannot be."""
        app = web.Application()
        app.router.add_get("/status", self._on_status)
        app.router.add_get("/flows", self._on_flows)
        app.router.add_get("/metrics", self._on_metrics)
        app.router.add_get("/capture", self._on_capture)
        app.router.add_get("/explain", self._on_explain)
        app.router.add_post("/leases", self._on_leases)
        await self._socket.serve(app, path)
        if metrics is not None:
            public = web.Application()
            public.router.add_get("/metrics", self._on_metrics)
            await self._socket.serve_tcp(public, *metrics, "--metrics")

    async def close(self) -> None:
        """Stop serving and take the socket away."""
        await self._socket.close()

    async def _on_status(self, request: web.Request) -> web.Response:
        found = {**status(self._net, self._pods), "outlets": dict(self._outlets)}
        if self._cluster is not None:
            found["cluster"] = self._cluster()
        return web.json_response(found)

    async def _on_flows(self, request: web.Request) -> web.Response:
        return web.json_response(flows(self._net, self._pods))

    async def _on_metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _on_explain(self, request: web.Request) -> web.Response:
        known = self._known()
        if known is None:
            text = "no policies are known: no cluster is followed, or it has not answered yet"
            raise web.HTTPConflict(text=text)
        query = request.query
        source, destination, port = (query.get(name, "") for name in ("source", "destination", "port"))
        protocol = query.get("protocol", "TCP")
        try:
            # tens of thousands of pods take a while, and packets must not wait for it
            found = await asyncio.to_thread(answer, known, source, destination, port, protocol)
        except Unknown as unknown:
            raise web.HTTPBadRequest(text=str(unknown)) from None
        return web.json_response({**found.as_json(), "lines": found.lines()})

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
