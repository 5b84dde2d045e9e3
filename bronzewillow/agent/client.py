"""HTTP clients of the agent: of its control socket, and of pods across the overlay."""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace

from bronzewillow.agent.net import Net


class PodConnector(aiohttp.BaseConnector):
    """Connects an aiohttp client over the userspace network, from the node's own address."""

    def __init__(self, net: Net, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._net = net

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        host, port = req.url.host, req.url.port
        assert host is not None
        assert port is not None
        _, protocol = await self._net.create_connection(self._factory, host, port)
        return protocol
