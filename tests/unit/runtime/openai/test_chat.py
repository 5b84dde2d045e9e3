"""POST /v1/chat/completions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bronzewillow.testing import aio


async def read_stream(answer: Any) -> list[Any]:
    """The events of a stream; the last is the end mark."""
    blocks = (await answer.text()).split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith(("data: ", ": ")) for block in blocks)
    data = [block[6:] for block in blocks if block.startswith("data: ")]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


@pytest.mark.loopback
def test_answer(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            answer = await (await api.chat(n=2, max_tokens=2, logprobs=True, top_logprobs=1)).json()
            assert answer["object"] == "chat.completion" and answer["id"].startswith("chatcmpl-")
            assert answer["model"] == "host.example/team/tiny:1b"
            assert [choice["message"]["content"] for choice in answer["choices"]] == ["one two", " two three"]
            assert {choice["finish_reason"] for choice in answer["choices"]} == {"length"}
            (token, _) = answer["choices"][0]["logprobs"]["content"]
            assert (token["token"], token["bytes"]) == ("one", list(b"one")) and len(
                token["top_logprobs"]
            ) == 1
            assert answer["usage"]["total_tokens"] == 3 + 4

    aio.run(main())


@pytest.mark.loopback
@pytest.mark.parametrize("with_usage", [True, False])
def test_stream(serving: Any, with_usage: bool) -> None:
    async def main() -> None:
        async with serving() as api:
            answer = await api.chat("eins zwö", stream=True, stream_options={"include_usage": with_usage})
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["X-Accel-Buffering"] == "no"
            *chunks, done = await read_stream(answer)
        assert done == "[DONE]"
        assert (
            len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
        )
        if with_usage:
            last = chunks.pop()
            assert last["choices"] == [] and last["usage"]["completion_tokens"] == 2
        assert all(len(chunk["choices"]) == 1 for chunk in chunks)
        assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
            {"role": "assistant", "content": None}, {"content": "eins"}, {"content": " zwö"}, {},
        ]  # fmt: skip
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]

    aio.run(main())


@pytest.mark.loopback
def test_error_before_the_stream_has_a_status(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            answer = await api.chat("word " * 100, stream=True)
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "context_length_exceeded"

    aio.run(main())


@pytest.mark.loopback
def test_pings_while_nothing_comes(serving: Any) -> None:
    gate = asyncio.Event()

    async def pace() -> None:
        await gate.wait()

    async def main() -> None:
        async with serving(pace=pace, ping_s=0.01) as api:
            answer = await api.chat(stream=True)
            seen = b""
            while b": ping\n\n" not in seen:
                seen += await answer.content.readany()
            gate.set()
            rest = await answer.read()
            assert rest.endswith(b"data: [DONE]\n\n")

    aio.run(main())


@pytest.mark.loopback
@pytest.mark.parametrize("stream", [True, False])
def test_client_that_leaves_frees_its_slot(until: Any, serving: Any, stream: bool) -> None:
    async def main() -> None:
        async with serving(pace=asyncio.Event().wait) as api:
            asking = asyncio.ensure_future(api.chat(stream=stream))  # noqa: TID251
            await until(lambda: api.engine.running)
            if stream:
                (await asking).close()
            else:
                asking.cancel()
            await until(lambda: not (api.engine.running or api.service.admission.busy))

    aio.run(main())


@pytest.mark.loopback
def test_model_names(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            for name in ("pet", "tiny:1b", "team/tiny:1b", "host.example/team/tiny:1b", None, ""):
                assert (await api.chat(model=name)).status == 200
            answer = await api.chat(model="gpt-4")
            assert answer.status == 404
            error = (await answer.json())["error"]
            assert (error["code"], error["param"]) == ("model_not_found", "model")

    aio.run(main())
