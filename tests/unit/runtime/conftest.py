"""The whole API on an engine without a model, over a loopback socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from runtime.engine.echo import EchoEngine
from runtime.engine.interface import EngineConfig
from runtime.openai.app import make_app
from runtime.openai.guard import Guard
from runtime.openai.service import ModelCard, Service


@dataclass(slots=True)
class Api:
    """A served echo engine, and a client of it."""

    service: Service
    engine: EchoEngine
    client: TestClient[web.Request, web.Application]

    async def post(self, path: str, body: Any, **headers: str) -> ClientResponse:
        return await self.client.post(path, json=body, headers=headers)

    async def chat(self, text: str = "one two three", **fields: Any) -> ClientResponse:
        return await self.post(
            "/v1/chat/completions", {"messages": [{"role": "user", "content": text}], **fields}
        )


@asynccontextmanager
async def _serve(
    *,
    guard: Guard | None = None,
    pace: Callable[[], Awaitable[object]] | None = None,
    load: bool = True,
    queue_limit: int = 8,
    parallel: int = 2,
    body_bytes: int = 1 << 20,
    embeddings: bool = True,
    context_tokens: int = 64,
    ping_s: float = 15.0,
) -> AsyncIterator[Api]:
    config = EngineConfig(Path(), context_tokens=context_tokens, parallel=parallel, embeddings=embeddings)
    engine = EchoEngine(config) if pace is None else EchoEngine(config, pace)
    card = ModelCard("host.example/team/tiny:1b", ("pet",), created=7)
    service = Service(engine, card, slots=parallel, queue_limit=queue_limit, ping_s=ping_s)
    if load:
        await service.load()
    app = make_app(service, guard or Guard(), body_bytes=body_bytes)
    async with TestClient(TestServer(app), timeout=None) as client:
        yield Api(service, engine, client)


@pytest.fixture
def serving() -> Callable[..., AbstractAsyncContextManager[Api]]:
    """`async with serving(...) as api`"""
    return _serve


async def _until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  the condition is another task's state, which has no event
        await asyncio.sleep(0)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Let other tasks run until a condition holds; the test's own deadline bounds it."""
    return _until
