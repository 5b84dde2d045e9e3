from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from bronzewillow.kube import answers
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import BadAnswer, Expired, Unavailable, Unreachable
from bronzewillow.kube.resources import NODES, PODS, Object
from bronzewillow.testing.aio import run
from bronzewillow.testing.leaping_loop import run_leaping

pytestmark = pytest.mark.loopback

Talking = Callable[..., AbstractAsyncContextManager[KubeClient]]


def line(kind: str, **obj: object) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def pod(name: str) -> dict[str, object]:
    return {"metadata": {"name": name, "uid": f"uid-{name}"}}


def watched(talking: Talking, *pieces: bytes, hangs: bool = False) -> list[tuple[str, Object]]:
    """What a watch gives whose body comes in these pieces."""

    async def answer(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        for piece in pieces:
            await stream.write(piece)
            await asyncio.sleep(0)
        if hangs:
            await asyncio.Event().wait()
        return stream

    async def main() -> list[tuple[str, Object]]:
        async with (
            talking(answer) as client,
            client.watch(PODS, resource_version="1", timeout_s=300, silence_s=180) as events,
        ):
            return [event async for event in events]

    return run_leaping(main(), 1000)


def test_events_in_any_pieces(talking: Talking) -> None:
    body = line("ADDED", **pod("a")) + b"\n" + line("BOOKMARK") + line("DELETED", **pod("b"))
    expected = [("ADDED", pod("a")), ("BOOKMARK", {}), ("DELETED", pod("b"))]
    assert watched(talking, body) == expected
    assert watched(talking, *(body[i : i + 1] for i in range(len(body)))) == expected


def test_an_error_event_is_the_error(talking: Talking) -> None:
    with pytest.raises(Expired, match="too old"):
        watched(talking, line("ERROR", code=410, reason="Expired", message="too old"))
    with pytest.raises(Unavailable):
        watched(talking, line("ERROR", code="?"))


def test_silence(talking: Talking) -> None:
    with pytest.raises(Unreachable, match="no answer in time"):
        watched(talking, line("BOOKMARK"), hangs=True)


@pytest.mark.parametrize(
    "body",
    [
        b"no json\n",
        b"[]\n",
        b"{}\n",
        b'{"type":"ADDED","object":7}\n',
        line("ADDED"),
        line("ADDED", metadata={}),
    ],
)
def test_what_is_no_event(talking: Talking, body: bytes) -> None:
    with pytest.raises(BadAnswer):
        watched(talking, body)


def test_an_endless_line_is_not_kept(talking: Talking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_LONGEST_LINE_BYTES", 1000)
    with pytest.raises(BadAnswer, match="more than 1000 bytes"):
        watched(talking, b"x" * 2000)


def test_an_endless_answer_is_not_kept(talking: Talking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_LONGEST_ANSWER_BYTES", 1000)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 2000)

    async def main() -> None:
        async with talking(answer) as client:
            with pytest.raises(BadAnswer, match="more than 1000 bytes"):
                await client.get(NODES, "a")

    run(main())
