"""POST /v1/embeddings."""

from __future__ import annotations

import base64
import struct
from typing import Any

from aiohttp import web

from runtime.engine.interface import EngineError
from runtime.openai.errors import bad_request, dumps, from_engine
from runtime.openai.fields import integer, read_body, string
from runtime.openai.prompts import parse_inputs
from runtime.openai.service import SERVICE


async def post_embeddings(request: web.Request) -> web.StreamResponse:
    service = request.app[SERVICE]
    service.require_ready()
    body = await read_body(request)
    service.require_model(string(body, "model"))
    if not service.info.embeddings:
        raise bad_request("This server was started without embeddings.", "model")
    if "input" not in body:
        raise bad_request("Missing required parameter: 'input'.", "input")
    encoding = string(body, "encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise bad_request(
            f"Invalid value: {encoding!r}. Supported values are: 'float', 'base64'.", "encoding_format"
        )
    if integer(body, "dimensions", 1) is not None:
        raise bad_request("This model's embeddings cannot be shortened: omit 'dimensions'.", "dimensions")
    inputs = parse_inputs(body, "input")
    if any(not one for one in inputs):
        raise bad_request("Invalid 'input': an empty string has no embedding.", "input")
    async with service.admission.enter(1):
        try:
            result = await service.engine.embed(inputs)
        except EngineError as err:
            raise from_engine(err, "input") from err
    service.metrics.count_prompt(result.prompt_tokens)
    answer = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": emit_vector(vector, encoding)}
            for index, vector in enumerate(result.vectors)
        ],
        "model": service.card.name,
        "usage": {"prompt_tokens": result.prompt_tokens, "total_tokens": result.prompt_tokens},
    }
    return web.json_response(answer, dumps=dumps)


def emit_vector(vector: tuple[float, ...], encoding: str) -> Any:
    """Numbers, or little-endian 32-bit floats in base64."""
    if encoding == "float":
        return list(vector)
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
