"""GET /v1/models and /v1/models/{id}; the id may contain slashes."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from runtime.openai.errors import dumps, model_not_found
from runtime.openai.service import SERVICE, Service


async def get_models(request: web.Request) -> web.StreamResponse:
    service = request.app[SERVICE]
    service.require_ready()
    return web.json_response({"object": "list", "data": [emit_model(service)]}, dumps=dumps)


async def get_model(request: web.Request) -> web.StreamResponse:
    service = request.app[SERVICE]
    service.require_ready()
    name = request.match_info["name"]
    if name not in service.names:
        raise model_not_found(name)
    return web.json_response(emit_model(service), dumps=dumps)


def emit_model(service: Service) -> dict[str, Any]:
    """OpenAI's four fields, and under `meta` what llama-server and we add."""
    card, info = service.card, service.info
    abilities = {
        "chat": info.chat,
        "completion": info.completion,
        "embeddings": info.embeddings,
        "tools": info.tools,
        "json_schema": info.json_schema,
        "logprobs": info.logprobs,
    }
    return {
        "id": card.name,
        "object": "model",
        "created": card.created,
        "owned_by": card.owner,
        "aliases": sorted(card.aliases),
        "capabilities": [name for name, able in abilities.items() if able],
        "meta": {**card.meta, "n_ctx": info.context_tokens, "slots": info.slots, "engine": info.engine},
    }
