"""POST /v1/chat/completions."""

from __future__ import annotations

import time
from contextlib import aclosing

from aiohttp import web

from runtime.engine.interface import Generation
from runtime.openai.chat_answer import ChatChunks, emit_choice
from runtime.openai.chat_request import parse_chat
from runtime.openai.collect import collect
from runtime.openai.errors import ApiError, bad_request, dumps
from runtime.openai.fields import boolean, include_usage, read_body, string
from runtime.openai.ids import new_id
from runtime.openai.preset import Preset
from runtime.openai.service import SERVICE
from runtime.openai.stream import SseWriter
from runtime.openai.usage import emit_usage
from runtime.templates.errors import InvalidConversation, TemplateError


async def post_chat(request: web.Request) -> web.StreamResponse:
    """The route: a whole answer, or a stream of chunks."""
    service = request.app[SERVICE]
    service.require_ready()
    body = await read_body(request)
    service.require_model(string(body, "model"))
    generation = _with_preset(service.preset, parse_chat(body, service.info))
    head = {
        "id": new_id("chatcmpl"),
        "created": int(time.time()),
        "model": service.card.name,
        "system_fingerprint": service.info.engine,
    }
    async with service.run(generation, param="messages") as batches:
        if boolean(body, "stream"):
            chunks = ChatChunks(head, generation.choices, include_usage(body))
            async with aclosing(chunks.emit(batches)) as events:
                return await SseWriter(request).pump(events)
        collected = await collect(batches, generation.choices)
    answer = {
        **head,
        "object": "chat.completion",
        "choices": [emit_choice(index, one) for index, one in enumerate(collected.choices)],
        "usage": emit_usage(collected.usage),
    }
    return web.json_response(answer, dumps=dumps)


def _with_preset(preset: Preset, generation: Generation) -> Generation:
    try:
        return preset.apply_chat(generation)
    except InvalidConversation as err:
        raise bad_request(str(err), "messages") from None
    except TemplateError as err:
        raise ApiError(500, f"The image's template fails: {err}", kind="server_error") from None
