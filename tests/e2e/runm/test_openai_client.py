"""The client that users have, against a real model, over TCP and over a unix socket."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from .conftest import LIMIT_S

pytestmark = pytest.mark.e2e
MODEL = "team/smollm2:135m"
COUNT: Any = [{"role": "user", "content": "Count from one to ten in words."}]
ANEW = {"cache_prompt": False}
"""For answers that must be equal: a prompt of which a part is known is computed in other batches."""


@pytest.fixture(params=["tcp", "unix"])
def client(request: pytest.FixtureRequest, server: Any) -> Iterator[openai.OpenAI]:
    transport = httpx2.HTTPTransport(uds=str(server.socket)) if request.param == "unix" else None
    with httpx2.Client(transport=transport, timeout=LIMIT_S) as http:
        yield openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, http_client=http)


@pytest.fixture
def tcp(server: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=LIMIT_S) as one:
        yield one


def _answer(server: Any, tokens: int) -> None:
    """A whole one, of so many tokens; slots take their steps side by side."""
    body = {"messages": COUNT, "max_tokens": tokens, "ignore_eos": True}
    answer = httpx2.post(f"{server.url}/v1/chat/completions", json=body, timeout=LIMIT_S)
    assert answer.json()["usage"]["completion_tokens"] == tokens


def test_models(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert model.id == "registry.example/team/smollm2:135m"
    assert client.models.retrieve(MODEL).id == model.id
    assert client.models.retrieve("smollm2:135m").object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4")
    assert caught.value.code == "model_not_found"


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=COUNT, max_tokens=8, temperature=0)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None and answer.usage.completion_tokens == 8
    assert answer._request_id


def test_stream_with_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL,
        messages=COUNT,
        max_tokens=8,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        extra_body=ANEW,
    )
    chunks = list(stream)
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == [] and chunks[-1].usage is not None
    assert chunks[-2].choices[0].finish_reason == "length"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    whole = client.chat.completions.create(
        model=MODEL, messages=COUNT, max_tokens=8, temperature=0, extra_body=ANEW
    )
    assert text == whole.choices[0].message.content


def test_stream_without_usage_has_a_choice_in_every_chunk(tcp: openai.OpenAI) -> None:
    for chunk in tcp.chat.completions.create(model=MODEL, messages=COUNT, max_tokens=3, stream=True):
        assert len(chunk.choices) == 1


def test_two_choices(tcp: openai.OpenAI) -> None:
    answer = tcp.chat.completions.create(model=MODEL, messages=COUNT, max_tokens=6, n=2, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.message.content for choice in answer.choices)


def test_logprobs(tcp: openai.OpenAI) -> None:
    answer = tcp.chat.completions.create(
        model=MODEL, messages=COUNT, max_tokens=3, temperature=0, logprobs=True, top_logprobs=3
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None and logprobs.content is not None
    assert len(logprobs.content) == 3
    assert all(len(token.top_logprobs) == 3 and token.logprob <= 0 for token in logprobs.content)


def test_json_schema(tcp: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer"}, "name": {"enum": ["Ann", "Bob"]}},
        "required": ["age", "name"],
        "additionalProperties": False,
    }
    answer = tcp.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Describe a person."}],
        max_tokens=100, temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema}},
    )  # fmt: skip
    value = json.loads(answer.choices[0].message.content or "")
    assert isinstance(value["age"], int) and value["name"] in ("Ann", "Bob")


def test_stop(tcp: openai.OpenAI) -> None:
    twenty: Any = {
        "model": MODEL, "messages": COUNT, "max_tokens": 20, "temperature": 0, "extra_body": ANEW,
    }  # fmt: skip
    whole = tcp.chat.completions.create(**twenty)
    text = whole.choices[0].message.content or ""
    stop = text[8:12]
    cut = tcp.chat.completions.create(**twenty, stop=stop)
    assert cut.choices[0].message.content == text[: text.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


def test_seed(tcp: openai.OpenAI) -> None:
    def ask(seed: int) -> str | None:
        answer = tcp.chat.completions.create(
            model=MODEL,
            messages=COUNT,
            max_tokens=12,
            temperature=1.2,
            seed=seed,
            extra_body=ANEW,
        )
        return answer.choices[0].message.content

    assert ask(7) == ask(7)
    assert len({ask(seed) for seed in range(4)}) > 1


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=MODEL, prompt="Once upon a time", max_tokens=4, logprobs=2, echo=True, temperature=0
    )
    choice = answer.choices[0]
    assert choice.text.startswith("Once upon a time")
    assert choice.logprobs is not None and len(choice.logprobs.tokens or []) == 4
    streamed = client.completions.create(model=MODEL, prompt=["One", "Two"], max_tokens=3, stream=True)
    assert {chunk.choices[0].index for chunk in streamed} == {0, 1}


def test_embeddings(client: openai.OpenAI) -> None:
    one, two, again = client.embeddings.create(model=MODEL, input=["river", "mill", "river"]).data
    assert len(one.embedding) == len(two.embedding) == 576
    assert one.embedding == pytest.approx(again.embedding, abs=1e-3)
    plain = client.embeddings.create(model=MODEL, input="river", encoding_format="float").data[0]
    assert plain.embedding == pytest.approx(one.embedding, abs=1e-3)


def test_long_prompt(tcp: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        tcp.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "word " * 3000}])
    assert caught.value.code == "context_length_exceeded"
    assert "maximum context length is 1024 tokens" in str(caught.value)
    assert "resulted in 30" in str(caught.value)


def test_tools_are_refused_by_a_template_without_them(tcp: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not support tools"):
        tcp.chat.completions.create(
            model=MODEL,
            messages=COUNT,
            tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        )


def test_unknown_fields_are_ignored(tcp: openai.OpenAI) -> None:
    answer = tcp.chat.completions.create(
        model=MODEL, messages=COUNT, max_tokens=1, user="u", metadata={"a": "b"}, extra_body={"guided_x": 1}
    )
    assert answer.choices


def test_embedding_input_longer_than_a_batch_is_a_bad_request(tcp: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        tcp.embeddings.create(model=MODEL, input="word " * 900)


def test_eight_streams_at_once(server: Any, tcp: openai.OpenAI) -> None:
    texts: dict[int, str] = {}

    def ask(index: int) -> None:
        stream = tcp.chat.completions.create(
            model=MODEL, messages=COUNT, max_tokens=16, seed=index, stream=True,
            extra_body={"ignore_eos": True},
        )  # fmt: skip
        texts[index] = "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 8 and all(texts.values())
    assert server.busy() == 0


@pytest.mark.parametrize("streaming", [True, False])
def test_a_client_that_leaves_frees_its_slot_at_once(server: Any, streaming: bool) -> None:
    _answer(server, 1)
    body = {"messages": COUNT, "max_tokens": 900, "stream": streaming, "ignore_eos": True}
    with (
        httpx2.Client(timeout=LIMIT_S) as http,
        pytest.raises(httpx2.ReadTimeout) if not streaming else nullcontext(),
        http.stream(
            "POST", f"{server.url}/v1/chat/completions", json=body, timeout=LIMIT_S if streaming else 0.5
        ) as response,
    ):
        lines = response.iter_lines()  # held: the connection closes with an iterator that nobody holds
        first = next(lines)
        assert server.busy() == 1, first
    _answer(server, 300)  # of which each step would have been one of theirs, too
    assert server.busy() == 0


def test_a_client_that_leaves_during_its_prompt_frees_its_slot(server: Any) -> None:
    body = {"messages": [{"role": "user", "content": "word " * 900}], "max_tokens": 1, "cache_prompt": False}
    with httpx2.Client() as http, pytest.raises(httpx2.ReadTimeout):
        http.post(f"{server.url}/v1/chat/completions", json=body, timeout=0.2)
    left = time.monotonic()
    while server.busy():
        assert time.monotonic() - left < LIMIT_S  # two batches of the prompt
        time.sleep(0.05)


def test_figures(server: Any, tcp: openai.OpenAI) -> None:
    tcp.chat.completions.create(model=MODEL, messages=COUNT, max_tokens=2)
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        text = answer.read().decode()
    for name in (
        "llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total", "llamacpp:requests_deferred",
        "vllm:time_to_first_token_seconds_bucket", "vllm:inter_token_latency_seconds_bucket",
        "vllm:request_queue_time_seconds_bucket", "vllm:generation_tokens_total", "runm_requests_total",
    ):  # fmt: skip
        assert name in text


def test_socket_file_is_private(server: Any) -> None:
    assert Path(server.socket).stat().st_mode & 0o777 == 0o600
