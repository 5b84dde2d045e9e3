"""An HTTP proxy between a raw upstream and loopback clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from bronzewillow.proxy import HttpLimits, HttpProxy, ProxyMetrics, Upstream
from bronzewillow.testing.loopback import Serve, Wire, listening, unix_server, unix_socket_path

POD = "default/tiny-0"
POD_PORT = 8080


@dataclass(slots=True)
class Proxied:
    """A running proxy; `port` is where clients connect."""

    proxy: HttpProxy
    port: int
    path: str
    registry: CollectorRegistry

    async def client(self) -> Wire:
        """A new client connection."""
        return await Wire.connect(self.port)

    def sample(self, name: str, **labels: str) -> float | None:
        """The value of a metric of this pod port."""
        return self.registry.get_sample_value(name, {"pod": POD, "port": str(POD_PORT), **labels})


@asynccontextmanager
async def proxied(serve: Serve | None, limits: HttpLimits | None = None) -> AsyncIterator[Proxied]:
    """Run `serve` for every upstream connection behind a proxy; None: no upstream at all."""
    async with unix_socket_path() as path:
        if serve is None:
            async with _proxy(path, limits) as rig:
                yield rig
            return
        async with unix_server(path, serve), _proxy(path, limits) as rig:
            yield rig


@asynccontextmanager
async def _proxy(path: str, limits: HttpLimits | None) -> AsyncIterator[Proxied]:
    registry = CollectorRegistry()
    proxy = HttpProxy(
        pod=POD, port=POD_PORT, upstream=Upstream(path=path), limits=limits, metrics=ProxyMetrics(registry)
    )
    await proxy.start()
    async with listening(proxy.protocol_factory) as port:
        try:
            yield Proxied(proxy, port, path, registry)
        finally:
            await proxy.close(drain_s=0.0)
