"""GET /health and /metrics."""

from __future__ import annotations

from aiohttp import web

from runtime.openai.errors import dumps
from runtime.openai.metrics import CONTENT_TYPE
from runtime.openai.service import SERVICE, Phase


async def get_health(request: web.Request) -> web.StreamResponse:
    """200 when requests are served, 503 before and after that."""
    phase = request.app[SERVICE].phase
    if phase is Phase.READY:
        return web.json_response({"status": "ok"}, dumps=dumps)
    return web.json_response({"status": str(phase)}, status=503, headers={"Retry-After": "1"}, dumps=dumps)


async def get_metrics(request: web.Request) -> web.StreamResponse:
    return web.Response(body=request.app[SERVICE].metrics.emit(), headers={"Content-Type": CONTENT_TYPE})
