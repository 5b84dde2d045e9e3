"""POST /v1/completions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.engine.interface import ModelInfo, TokenLogprob
from runtime.openai.completions import emit_legacy_logprobs, parse_completion
from runtime.openai.errors import ApiError

MODEL = ModelInfo(64, 2, logprobs=True)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"), ({"prompt": []}, "prompt"), ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "best_of": 2}, "best_of"), ({"prompt": [1], "echo": True}, "echo"),
        ({"prompt": "a", "logprobs": 21}, "logprobs"), ({"prompt": "a", "n": 9}, "n"),
        ({"prompt": "a", "json_schema": {}}, "json_schema"),
    ],
)  # fmt: skip
def test_refusals(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_completion(body, MODEL)
    assert caught.value.body["error"]["param"] == param


def test_one_generation_per_prompt_of_16_tokens() -> None:
    wanted = parse_completion({"prompt": ["a", [1, 2]], "n": 2, "logprobs": 0}, MODEL)
    assert [generation.prompt for generation in wanted.generations] == ["a", (1, 2)]
    assert all(generation.choices == 2 for generation in wanted.generations)
    assert wanted.generations[0].options == {"max_tokens": 16, "logprobs": True, "top_logprobs": 0}


def test_legacy_logprobs() -> None:
    token = TokenLogprob("ab", -1.0, b"ab", (TokenLogprob("x", -0.5, b"x"),))
    assert emit_legacy_logprobs((token, token), 3) == {
        "tokens": ["ab", "ab"],
        "token_logprobs": [-1.0, -1.0],
        "top_logprobs": [{"x": -0.5}, {"x": -0.5}],
        "text_offset": [3, 5],
    }


@pytest.mark.loopback
def test_answer(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            body = {"prompt": ["a b", "c"], "n": 2, "echo": True, "logprobs": 1}
            answer = await (await api.post("/v1/completions", body)).json()
        assert answer["object"] == "text_completion" and answer["id"].startswith("cmpl-")
        assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
        assert [choice["text"] for choice in answer["choices"]] == ["a ba b", "a b ba", "cc", "cc"]
        assert answer["choices"][0]["logprobs"]["text_offset"] == [3, 4]
        assert answer["usage"] == {
            "prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 0},
        }  # fmt: skip

    aio.run(main())


@pytest.mark.loopback
def test_stream(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            body = {"prompt": ["a b", "c"], "stream": True, "echo": True}
            body["stream_options"] = {"include_usage": True}
            text = await (await api.post("/v1/completions", body)).text()
        *events, done, end = text.split("\n\n")
        assert (done, end) == ("data: [DONE]", "")
        chunks = [json.loads(event.removeprefix("data: ")) for event in events]
        assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] == 3
        texts = {0: "", 1: ""}
        for chunk in chunks[:-1]:
            (choice,) = chunk["choices"]
            texts[choice["index"]] += choice["text"]
        assert texts == {0: "a ba b", 1: "cc"}

    aio.run(main())
