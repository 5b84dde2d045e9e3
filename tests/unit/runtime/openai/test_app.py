"""What holds for every route."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bronzewillow.testing import aio

pytestmark = pytest.mark.loopback


def test_unknown_places_are_error_objects(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            async with api.client.get("/v1/nothing") as answer:
                assert answer.status == 404
                assert "GET /v1/nothing" in (await answer.json())["error"]["message"]
            async with api.client.post("/v1/responses", json={"input": "hi"}) as answer:
                assert answer.status == 404
                assert "use /v1/chat/completions" in (await answer.json())["error"]["message"]
            async with api.client.get("/v1/chat/completions") as answer:
                assert answer.status == 405 and answer.headers["Allow"] == "POST"
                assert (await answer.json())["error"]["type"] == "invalid_request_error"

    aio.run(main())


def test_bad_json_and_long_bodies(serving: Any) -> None:
    async def main() -> None:
        async with serving(body_bytes=1000) as api:
            async with api.client.post("/v1/chat/completions", data=b"{") as answer:
                assert answer.status == 400
            async with api.client.post("/v1/chat/completions", data=b"x" * 1001) as answer:
                assert answer.status == 413
                assert (await answer.json())["error"]["code"] == "request_too_large"

    aio.run(main())


def test_a_body_that_is_not_in_its_coding(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            headers = {"Content-Encoding": "gzip"}
            path, broken = "/v1/chat/completions", b"\x1f\x8b" + bytes(8)
            async with api.client.post(path, data=broken, headers=headers) as answer:
                assert answer.status == 400
                assert "coding" in (await answer.json())["error"]["message"]

    aio.run(main())


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1", True), ("", False), ("x" * 200, False), ("a b", False)]
)
def test_request_id(serving: Any, given: str, kept: bool) -> None:
    async def main() -> None:
        async with serving() as api:
            for stream in (True, False):
                answer = await api.chat(stream=stream)
                assert answer.headers["X-Request-Id"].startswith("req-")
                await answer.read()
            answer = await api.post("/v1/completions", {}, **{"X-Request-Id": given})
            assert (answer.headers["X-Request-Id"] == given) == kept

    aio.run(main())


def test_requests_while_loading(serving: Any) -> None:
    async def main() -> None:
        async with serving(load=False) as api:
            for answer in (await api.chat(), await api.client.get("/v1/models")):
                assert answer.status == 503 and answer.headers["Retry-After"] == "1"
                assert (await answer.json())["error"]["type"] == "server_error"

    aio.run(main())


def test_full_queue(until: Any, serving: Any) -> None:
    gate = asyncio.Event()

    async def main() -> None:
        async with serving(pace=gate.wait, parallel=1, queue_limit=1) as api:
            running = asyncio.ensure_future(api.chat())  # noqa: TID251
            await until(lambda: api.service.admission.busy)
            waiting = asyncio.ensure_future(api.chat(stream=True))  # noqa: TID251
            await until(lambda: api.service.admission.waiting)
            refused = await api.chat()
            assert refused.status == 429 and refused.headers["Retry-After"] == "1"
            assert (await refused.json())["error"]["type"] == "rate_limit_error"
            gate.set()
            assert (await running).status == (await waiting).status == 200

    aio.run(main())
