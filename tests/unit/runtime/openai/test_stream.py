"""Server-sent events on a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bronzewillow.testing import aio
from runtime.openai.errors import ApiError, bad_request
from runtime.openai.stream import SseWriter


def stream(*batches: list[dict[str, Any]] | ApiError) -> tuple[int, str]:
    async def events() -> AsyncIterator[list[dict[str, Any]]]:
        for batch in batches:
            if isinstance(batch, ApiError):
                raise batch
            yield batch

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await SseWriter(request).pump(events())
        except ApiError as err:
            return err.response()

    async def main() -> tuple[int, str]:
        app = web.Application()
        app.router.add_get("/", handler)
        async with TestClient(TestServer(app)) as client, client.get("/") as answer:
            return answer.status, await answer.text()

    return aio.run(main())


pytestmark = pytest.mark.loopback


def test_events_and_end() -> None:
    assert stream([{"a": 1}, {"b": "ü"}], [{"c": 3}]) == (
        200, 'data: {"a":1}\n\ndata: {"b":"ü"}\n\ndata: {"c":3}\n\ndata: [DONE]\n\n',
    )  # fmt: skip


def test_comment_for_an_empty_batch() -> None:
    assert stream([], [{"a": 1}])[1] == ': ping\n\ndata: {"a":1}\n\ndata: [DONE]\n\n'


def test_error_first_has_a_status() -> None:
    status, text = stream(bad_request("no"))
    assert status == 400 and text.startswith('{"error"')


def test_error_later_is_an_event_without_an_end_mark() -> None:
    status, text = stream([{"a": 1}], bad_request("no"))
    assert status == 200
    assert text.startswith('data: {"a":1}\n\ndata: {"error":{"message":"no"')
    assert "[DONE]" not in text
