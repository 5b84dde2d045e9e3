"""An engine without a model: it says again what it was asked. For trying a network or a client, and for
tests.

A token is a word with the space before it, its id the word's first code point, its probability certain. The
answer is the last user message; with `ignore_eos` it begins again until `max_tokens`. A seed other than the
default rotates the words, so that it can be seen to matter.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Any

from runtime.engine.interface import (
    ContextExceeded,
    Embeddings,
    Engine,
    EngineConfig,
    Event,
    Finish,
    FinishReason,
    Generation,
    ModelInfo,
    Piece,
    Progress,
    TokenLogprob,
    Unsupported,
    Usage,
)

_WORD = re.compile(r"\s*\S+\s*$|\s*\S+|\s+")
_DIMENSIONS = 8


async def _yield_to_loop() -> None:
    await asyncio.sleep(0)


class EchoEngine(Engine):
    """`pace` is awaited before each token; the default lets other tasks run."""

    def __init__(self, config: EngineConfig, pace: Callable[[], Awaitable[object]] = _yield_to_loop) -> None:
        self._config = config
        self._pace = pace
        self.running = 0
        """Choices in flight, for tests."""

    async def load(self) -> ModelInfo:
        config = self._config
        return ModelInfo(
            config.context_tokens,
            config.parallel,
            tools=True,
            embeddings=config.embeddings,
            json_schema=True,
            logprobs=True,
            engine="echo-1",
        )

    async def generate(self, request: Generation) -> AsyncGenerator[Event, None]:
        prompt = _tokens(_prompt_text(request))
        if len(prompt) >= self._config.context_tokens:
            raise ContextExceeded(len(prompt), self._config.context_tokens)
        self.running += request.choices
        try:
            yield Progress(len(prompt), len(prompt))
            total = 0
            for choice in range(request.choices):
                ended = FinishReason.STOP
                for token, reason in self._answer(request, choice, self._config.context_tokens - len(prompt)):
                    await self._pace()
                    total += 1
                    ended = reason
                    yield _piece(choice, token, request)
                yield Finish(choice, ended)
            yield Usage(len(prompt), total, 0, 0.001, 0.001)
        finally:
            self.running -= request.choices

    async def embed(self, inputs: Sequence[str | tuple[int, ...]]) -> Embeddings:
        if not self._config.embeddings:
            raise Unsupported("embeddings are switched off for this model")
        texts = [_text(one) for one in inputs]
        vectors = tuple(
            tuple(sum(map(ord, text[at::_DIMENSIONS])) / 1024 for at in range(_DIMENSIONS)) for text in texts
        )
        return Embeddings(vectors, sum(len(_tokens(text)) for text in texts))

    async def close(self) -> None:
        await asyncio.sleep(0)

    def _answer(self, request: Generation, choice: int, room: int) -> Iterator[tuple[str, FinishReason]]:
        """Each token, with the reason for which the answer would end after it."""
        options = request.options
        words = _tokens(_answer_text(request))
        turn = 0 if _is_json(options) else (int(options.get("seed", 0)) + choice) % max(1, len(words))
        words = words[turn:] + words[:turn]
        wanted = options.get("max_tokens", -1)
        limit = room if wanted is None or wanted < 0 else min(wanted, room)
        if options.get("ignore_eos") and words:
            words = [words[at % len(words)] for at in range(limit)]
        whole = "".join(words[:limit])
        stops: list[str] = list(options.get("stop", ()))
        cut = min((place for stop in stops if (place := whole.find(stop)) >= 0), default=len(whole))
        full = limit < len(words) or bool(options.get("ignore_eos"))
        said = 0
        for token in words[:limit]:
            word = token[: cut - said]
            if not word:
                return
            said += len(word)
            yield word, FinishReason.LENGTH if full and said == len(whole) else FinishReason.STOP


def _prompt_text(request: Generation) -> str:
    if request.messages is None:
        return _text(request.prompt or "")
    return " ".join(str(message.get("content") or "") for message in request.messages)


def _answer_text(request: Generation) -> str:
    if _is_json(request.options):
        return json.dumps(_instance(_schema(request.options)))
    if request.messages is None:
        return _text(request.prompt or "")
    users = [message for message in request.messages if message.get("role") == "user"]
    return str((users or request.messages)[-1].get("content") or "")


def _is_json(options: Any) -> bool:
    return bool(options.get("response_format") or options.get("json_schema"))


def _schema(options: Any) -> Any:
    wanted = options.get("response_format") or {}
    return options.get("json_schema") or (wanted.get("json_schema") or {}).get("schema") or {"type": "object"}


def _instance(schema: Any) -> Any:
    """The smallest value of a plain schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _instance(one) for name, one in schema.get("properties", {}).items()}
    return {"string": "", "integer": 0, "number": 0, "boolean": True, "array": []}.get(kind)


def _text(prompt: str | tuple[int, ...]) -> str:
    return prompt if isinstance(prompt, str) else " ".join(chr(token) for token in prompt)


def _tokens(text: str) -> list[str]:
    return _WORD.findall(text)


def _piece(choice: int, token: str, request: Generation) -> Piece:
    if not request.options.get("logprobs"):
        return Piece(choice, token)
    one = TokenLogprob(token, 0.0, token.encode())
    top = (one,) * min(1, int(request.options.get("top_logprobs", 0)))
    return Piece(choice, token, logprobs=(TokenLogprob(token, 0.0, token.encode(), top),))
