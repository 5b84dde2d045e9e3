"""POST /v1/completions: raw text, no chat template."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from runtime.engine.interface import Event, Finish, Generation, ModelInfo, Piece, TokenLogprob, Usage
from runtime.openai.chat_request import parse_choices
from runtime.openai.collect import collect
from runtime.openai.errors import bad_request, dumps
from runtime.openai.fields import Body, boolean, include_usage, integer, read_body, sampling_options, string
from runtime.openai.ids import new_id
from runtime.openai.prompts import parse_inputs
from runtime.openai.service import SERVICE, Service
from runtime.openai.stream import SseWriter
from runtime.openai.usage import add_usage, emit_usage

_DEFAULT_MAX_TOKENS = 16  # OpenAI's


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One generation per prompt; the choices of prompt p are numbered from p * n."""

    generations: tuple[Generation, ...]
    choices: int
    echo: bool
    logprobs: bool


async def post_completions(request: web.Request) -> web.StreamResponse:
    service = request.app[SERVICE]
    service.require_ready()
    body = await read_body(request)
    service.require_model(string(body, "model"))
    wanted = parse_completion(body, service.info)
    generations = tuple(service.preset.apply_completion(one) for one in wanted.generations)
    wanted = replace(wanted, generations=generations)
    head = {
        "id": new_id("cmpl"),
        "object": "text_completion",
        "created": int(time.time()),
        "model": service.card.name,
        "system_fingerprint": service.info.engine,
    }
    if boolean(body, "stream"):
        async with aclosing(_chunks(service, wanted, head, include_usage(body))) as chunks:
            return await SseWriter(request).pump(chunks)
    choices: list[dict[str, Any]] = []
    usage = Usage()
    for generation in wanted.generations:
        async with service.run(generation, param="prompt") as batches:
            answer = await collect(batches, wanted.choices)
        usage = add_usage(usage, answer.usage)
        prefix = _echoed(generation, wanted)
        for one in answer.choices:
            logprobs = emit_legacy_logprobs(tuple(one.logprobs), len(prefix)) if wanted.logprobs else None
            choices.append(_choice(len(choices), prefix + one.text, one.finish, logprobs))
    return web.json_response({**head, "choices": choices, "usage": emit_usage(usage)}, dumps=dumps)


def parse_completion(body: Body, model: ModelInfo) -> CompletionRequest:
    """The engine's requests for `body`; ApiError 400 for what is wrong or what the model cannot do."""
    if not model.completion:
        raise bad_request("This model has no completions; it only makes embeddings.", "model")
    if body.get("suffix"):
        raise bad_request("'suffix' is not supported.", "suffix")
    if integer(body, "best_of", 1) not in (None, integer(body, "n", 1) or 1):
        raise bad_request("'best_of' is only supported where it equals 'n'.", "best_of")
    if "prompt" not in body:
        raise bad_request("Missing required parameter: 'prompt'.", "prompt")
    prompts = parse_inputs(body, "prompt")
    options = {"max_tokens": _DEFAULT_MAX_TOKENS, **sampling_options(body)}
    logprobs = body.get("logprobs")
    top = (0 if logprobs else None) if isinstance(logprobs, bool) else integer(body, "logprobs", 0, 20)
    if top is not None:
        if not model.logprobs:
            raise bad_request("This engine does not report token probabilities.", "logprobs")
        options["logprobs"] = True
        options["top_logprobs"] = top
    if (schema := body.get("json_schema")) is not None:
        if not model.json_schema:
            raise bad_request("This engine cannot hold answers to JSON.", "json_schema")
        options["json_schema"] = schema
    choices = parse_choices(body, model)
    echo = bool(boolean(body, "echo"))
    if echo and not all(isinstance(prompt, str) for prompt in prompts):
        raise bad_request("'echo' needs the prompt as text, not as token ids.", "echo")
    return CompletionRequest(
        tuple(Generation(prompt=prompt, choices=choices, options=options) for prompt in prompts),
        choices, echo, top is not None,
    )  # fmt: skip


def emit_legacy_logprobs(tokens: tuple[TokenLogprob, ...], offset: int) -> dict[str, Any]:
    """The completions' form: parallel arrays, `offset` being where the first token stands in the text."""
    offsets: list[int] = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{other.token: other.logprob for other in token.top} for token in tokens],
        "text_offset": offsets,
    }


async def _chunks(
    service: Service, wanted: CompletionRequest, head: dict[str, Any], with_usage: bool
) -> AsyncGenerator[list[dict[str, Any]], None]:
    usage = Usage()
    extra: dict[str, Any] = {"usage": None} if with_usage else {}
    for number, generation in enumerate(wanted.generations):
        base = number * wanted.choices
        offsets = [len(_echoed(generation, wanted))] * wanted.choices
        first = True
        async with service.run(generation, param="prompt") as batches:
            async for batch in batches:
                chunks = []
                if first and batch and wanted.echo:
                    text = _echoed(generation, wanted)
                    chunks += [_choice(base + index, text, None, None) for index in range(wanted.choices)]
                first = first and not batch
                for event in batch:
                    if isinstance(event, Usage):
                        usage = add_usage(usage, event)
                    elif choice := _event_choice(event, base, offsets, wanted.logprobs):
                        chunks.append(choice)
                if chunks or not batch:
                    yield [{**head, "choices": [choice], **extra} for choice in chunks]
    if with_usage:
        yield [{**head, "choices": [], "usage": emit_usage(usage)}]


def _event_choice(event: Event, base: int, offsets: list[int], logprobs: bool) -> dict[str, Any] | None:
    if isinstance(event, Piece):
        probabilities = emit_legacy_logprobs(event.logprobs, offsets[event.choice]) if logprobs else None
        offsets[event.choice] += len(event.text)
        return _choice(base + event.choice, event.text, None, probabilities)
    if isinstance(event, Finish):
        return _choice(base + event.choice, "", str(event.reason), None)
    return None


def _choice(index: int, text: str, finish: str | None, logprobs: dict[str, Any] | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}


def _echoed(generation: Generation, wanted: CompletionRequest) -> str:
    return generation.prompt if wanted.echo and isinstance(generation.prompt, str) else ""
