"""Fields of a request: types, ranges, and the names of what is wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.testing.leaping_loop import run_leaping
from runtime.openai.errors import ApiError
from runtime.openai.fields import (
    boolean,
    include_usage,
    integer,
    number,
    parse_body,
    read_body,
    sampling_options,
)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b"[" * 100_000,
        b'{"a": "\\ud800"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 301 + b"}",
    ],
)
def test_bodies_that_are_no_object(raw: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_body(raw)
    assert caught.value.status == 400


def test_a_whole_pair_is_a_character() -> None:
    assert parse_body(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@given(st.binary(max_size=50))
def test_any_body_parses_or_is_refused(raw: bytes) -> None:
    try:
        assert isinstance(parse_body(raw), dict)
    except ApiError as err:
        assert err.status == 400


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": "hot"}, {"temperature": -1}, {"temperature": True}, {"temperature": float("nan")},
        {"top_p": 1.5}, {"presence_penalty": 3}, {"seed": 1.5}, {"top_k": "x"}, {"stop": 5}, {"stop": [1]},
        {"logit_bias": {"x": 1}}, {"logit_bias": {"1": "y"}}, {"logit_bias": []}, {"max_tokens": "5"},
        {"max_tokens": -2}, {"max_completion_tokens": -2}, {"max_tokens": 0}, {"max_completion_tokens": 0},
        {"temperature": 2.1}, {"max_tokens": 1 << 31}, {"top_k": -(1 << 31)},
        {"logit_bias": {"9" * 5000: 1}}, {"grammar": "(" * 300}, {"grammar": 1}, {"ignore_eos": "yes"},
    ],
)  # fmt: skip
def test_wrong_values_are_named(body: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        sampling_options(body)
    assert caught.value.status == 400
    assert str(caught.value.body["error"]["param"]).startswith(next(iter(body)))


def test_options() -> None:
    body = {
        "temperature": 0, "top_p": 0.5, "stop": ["a", ""], "logit_bias": {"5": -100}, "seed": -1,
        "top_k": 40.0, "max_tokens": 5, "max_completion_tokens": 7, "user": "me", "unheard_of": {},
        "min_p": None,
    }  # fmt: skip
    assert sampling_options(body) == {
        "temperature": 0, "top_p": 0.5, "stop": ["a"], "logit_bias": [[5, -100]], "seed": 0xFFFFFFFF,
        "top_k": 40, "max_tokens": 7,
    }  # fmt: skip
    for field in ("max_tokens", "max_completion_tokens"):
        assert sampling_options({field: -1, "temperature": 2}) == {"max_tokens": -1, "temperature": 2}
    assert sampling_options({"stop": "x"}) == {"stop": ["x"]}
    assert sampling_options({}) == {}


def test_single_fields() -> None:
    assert number({"a": 2}, "a") == 2 and number({}, "a") is None
    assert integer({"a": 2.0}, "a", 1, 3) == 2
    assert boolean({"a": False}, "a") is False
    with pytest.raises(ApiError, match="greater than the maximum"):
        integer({"a": 4}, "a", 1, 3)


def test_include_usage() -> None:
    assert include_usage({"stream_options": {"include_usage": True}})
    assert not include_usage({}) and not include_usage({"stream_options": None})
    with pytest.raises(ApiError):
        include_usage({"stream_options": True})


@pytest.mark.loopback
def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await read_body(request))
        except ApiError as error:
            return error.response()

    async def main() -> bytes:
        app = web.Application()
        app.router.add_post("/", handle)
        async with TestServer(app) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
            answer = await reader.read()
            writer.close()
            return answer

    answer = run_leaping(main(), 1000)
    assert answer.startswith(b"HTTP/1.1 408") and b"request_timeout" in answer
