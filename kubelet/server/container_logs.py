"""GET /containerLogs/{namespace}/{pod}/{container}: what a container has written, and goes on to write."""

from __future__ import annotations

import time
from pathlib import Path

from aiohttp import HttpVersion11, web

from kubelet.provider.errors import RuntimeRefusal
from kubelet.server.errors import RequestError
from kubelet.server.log_options import InvalidOption, parse_log_options
from kubelet.server.log_reading import read_log
from kubelet.server.lookups import find_container, find_pod, find_previous_container
from kubelet.server.surroundings import Pods, Runtime
from runtime.api import cri_pb2 as api


class ContainerLogs:
    """The handler of containerLogs."""

    def __init__(self, pods: Pods, runtime: Runtime) -> None:
        self._pods = pods
        self._runtime = runtime

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """RequestError before the first byte; after it the connection just ends."""
        try:
            options = parse_log_options(request.query, time.time_ns())
        except InvalidOption as error:
            raise RequestError(error.status, str(error)) from None
        pod = find_pod(self._pods, request.match_info["namespace"], request.match_info["pod"])
        find = find_previous_container if options.previous else find_container
        container = await find(self._runtime, pod, request.match_info["container"])
        path = Path((await self._runtime.container_status(container.id)).log_path)
        if not path.is_absolute() or not path.exists():
            raise RequestError(
                404, f'container "{container.metadata.name}" has no log: {path.name or "none"}'
            )

        async def is_running() -> bool:
            try:
                status = await self._runtime.container_status(container.id)
            except RuntimeRefusal as refusal:
                return refusal.is_down  # a runtime that starts again says nothing of its containers
            return status.state == api.CONTAINER_RUNNING

        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        if request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"")  # followers are connected before there is anything to follow
        try:
            async for data in read_log(path, options, is_running):
                await response.write(data)
        except FileNotFoundError:
            pass
        await response.write_eof()
        return response
