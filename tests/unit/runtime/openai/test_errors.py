"""OpenAI's error objects: what clients decide by."""

from __future__ import annotations

import json
import re

import pytest

from runtime.engine.interface import ContextExceeded, EngineError, EngineFailed, InvalidRequest, Unsupported
from runtime.openai.errors import ApiError, bad_request, draining, dumps, from_engine, loading, queue_full


def test_context_length_has_the_classic_wording() -> None:
    error = from_engine(ContextExceeded(5000, 4096))
    assert error.status == 400
    assert error.body["error"]["code"] == "context_length_exceeded"
    # The expression by which a client of renown finds out how much to cut.
    found = re.search(
        r"maximum context length is (\d+).+resulted in (\d+) tokens", error.body["error"]["message"]
    )
    assert found is not None and found.groups() == ("4096", "5000")


def test_a_number_that_is_the_least_is_told_as_such() -> None:
    message = from_engine(ContextExceeded(5000, 4096, is_least=True)).body["error"]["message"]
    assert "resulted in 5000 tokens or more." in message


def test_an_input_of_embeddings_is_held_to_the_batch() -> None:
    error = from_engine(ContextExceeded(700, 512), "input")
    assert (error.status, error.body["error"]["param"]) == (400, "input")
    message = error.body["error"]["message"]
    assert "512 tokens for embeddings, which take one batch. However, your input resulted in 700" in message
    assert "message" not in message
    assert "your prompt resulted in" in from_engine(ContextExceeded(9, 4), "prompt").body["error"]["message"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidRequest("x"), 400), (Unsupported("x"), 400), (EngineFailed("x"), 500), (EngineError(), 500)],
)
def test_engine_errors(error: EngineError, status: int) -> None:
    assert from_engine(error).status == status


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (loading(), 503, "server_error", None),
        (draining(), 503, "server_error", None),
        (queue_full(3), 429, "rate_limit_error", "rate_limit_exceeded"),
    ],
)
def test_errors_that_pass(error: ApiError, status: int, kind: str, code: str | None) -> None:
    assert error.status == status and error.headers["Retry-After"] == "1"
    assert (error.body["error"]["type"], error.body["error"]["code"]) == (kind, code)


def test_shape() -> None:
    response = bad_request("no", "field").response()
    assert response.status == 400
    assert json.loads(response.text or "") == {
        "error": {"message": "no", "type": "invalid_request_error", "param": "field", "code": None}
    }


def test_json_is_utf8() -> None:
    assert dumps({"a": "ü"}) == '{"a":"ü"}'
