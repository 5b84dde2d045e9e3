"""The question is asked as a client would, against a server that streams."""

from __future__ import annotations

import json

import aiohttp
import pytest
from aiohttp import web

from bronzewillow.demo.errors import DemoError
from bronzewillow.demo.question import Answer, ask
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback

PIECES = ["Because", " of", " Rayleigh", " scattering."]


def chunk(**fields: object) -> str:
    return f"data: {json.dumps({'model': 'smollm2', **fields})}\n\n"


async def models(request: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": "smollm2"}]})


def answering(events: list[str], status: int = 200) -> web.Application:
    async def chat(request: web.Request) -> web.StreamResponse:
        assert (await request.json())["model"] == "smollm2"
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        for event in events:
            await response.write(event.encode())
        return response

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    return app


async def ask_server(app: web.Application, pieces: list[str]) -> Answer:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        return await ask(aiohttp.TCPConnector(), f"http://127.0.0.1:{port}", "Why?", pieces.append)
    finally:
        await runner.cleanup()


def test_pieces_arrive_one_by_one_and_usage_counts_them() -> None:
    events = [chunk(choices=[{"delta": {"role": "assistant", "content": None}}])]
    events += [chunk(choices=[{"delta": {"content": piece}}]) for piece in PIECES]
    events += [chunk(choices=[], usage={"completion_tokens": 7}), "data: [DONE]\n\n"]
    pieces: list[str] = []
    answer = run(ask_server(answering(events), pieces))
    assert pieces == PIECES
    assert (answer.text, answer.model, answer.tokens) == ("".join(PIECES), "smollm2", 7)
    assert answer.ttft_ms > 0


def test_an_error_in_the_stream_is_told() -> None:
    events = [chunk(choices=[{"delta": {"content": "Be"}}]), chunk(error={"message": "out of memory"})]
    with pytest.raises(DemoError, match="out of memory"):
        run(ask_server(answering(events), []))


def test_a_status_is_told() -> None:
    with pytest.raises(DemoError, match="503"):
        run(ask_server(answering(["loading"], status=503), []))


def test_silence_is_told() -> None:
    with pytest.raises(DemoError, match="said nothing"):
        run(ask_server(answering(["data: [DONE]\n\n"]), []))


@pytest.mark.parametrize("events", [[], [chunk(choices=[{"delta": {"content": "Be"}}])]])
def test_a_model_that_dies_is_told(events: list[str]) -> None:
    async def dies(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if events:
            await response.prepare(request)
            await response.write(events[0].encode())
        assert request.transport is not None
        request.transport.abort()
        return response

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", dies)
    with pytest.raises(DemoError, match="the model's answer broke off"):
        run(ask_server(app, []))
