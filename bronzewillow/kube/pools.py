"""Connections that show one identity. When it is renewed they go, and a new pool takes their place."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from bronzewillow.host.proxies import environment_proxy
from bronzewillow.kube.access import Cluster, Presented
from bronzewillow.kube.tls import client_context

_KEEPALIVE_IDLE_S = 30
_KEEPALIVE_EVERY_S = 10
_KEEPALIVE_PROBES = 3


class Pool:
    """Keeps count of what runs on it: a retired pool closes when its last request has ended."""

    def __init__(self, cluster: Cluster, presented: Presented) -> None:
        """On the running loop. BadCredentials."""
        self.presented = presented
        self.is_retired = False
        self._running = 0
        self._watches: set[aiohttp.ClientResponse] = set()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=client_context(cluster, presented), limit=0, socket_factory=_keepalive_socket
            )
        )
        self._fixed: dict[str, Any] = {"allow_redirects": False}
        if cluster.tls_server_name:
            self._fixed["server_hostname"] = cluster.tls_server_name
        self._proxy = URL(cluster.proxy_url) if cluster.proxy_url else None

    @property
    def is_closed(self) -> bool:
        """Whether nothing runs here any more."""
        return self._session.closed

    @asynccontextmanager
    async def request(
        self, method: str, url: str, *, is_watch: bool = False, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """As `aiohttp.ClientSession.request`. A watch ends when the pool is retired."""
        self._running += 1
        try:
            # HTTPS_PROXY and NO_PROXY, as for kubectl, which asks no proxy for this machine either
            proxy = self._proxy or await environment_proxy(URL(url))
            async with self._session.request(method, url, proxy=proxy, **self._fixed, **options) as response:
                if is_watch:
                    self._watches.add(response)
                try:
                    yield response
                finally:
                    self._watches.discard(response)
                    _cut(response)
        finally:
            self._running -= 1
            if self.is_retired and not self._running:
                await self._session.close()

    async def retire(self) -> None:
        """Nothing new begins here; requests end by themselves, watches now."""
        self.is_retired = True
        for response in [*self._watches]:
            _cut(response)
        if not self._running:
            await self._session.close()

    async def close(self) -> None:
        """End all connections, and with them the requests that are under way."""
        self.is_retired = True
        await self._session.close()


def _cut(response: aiohttp.ClientResponse) -> None:
    """An answer that is not read to its end takes its connection with it, and TLS waits for no farewell."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _keepalive_socket(address: Any) -> socket.socket:
    """A peer that has gone without a word is noticed within about a minute, also while nothing is sent."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "darwin":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPALIVE, _KEEPALIVE_IDLE_S)
    else:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_EVERY_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
    return made
