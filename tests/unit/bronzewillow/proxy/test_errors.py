from __future__ import annotations

import json

import pytest

from bronzewillow.proxy.errors import (
    ProxyError,
    emit_error_event,
    emit_error_response,
    error_type,
    reason_phrase,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (502, "server_error"),
    ],
)
def test_types_are_those_of_openai(status: int, kind: str) -> None:
    assert error_type(status) == kind


def test_a_response_is_complete_and_names_the_place_and_the_cause() -> None:
    error = ProxyError(503, "not up", code="upstream_absent", retry_after_s=2)
    head, _, body = emit_error_response(error, "pod a/b port 80", close=True).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 2" in head
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert json.loads(body) == {
        "error": {
            "message": "pod a/b port 80: not up",
            "type": "server_error",
            "param": None,
            "code": "upstream_absent",
        }
    }


def test_a_head_request_gets_the_head_only() -> None:
    assert emit_error_response(ProxyError(502, "x"), "here", close=False, head_only=True).endswith(
        b"\r\n\r\n"
    )


def test_an_event_is_one_data_line() -> None:
    event = emit_error_event("here", "line one\nline two")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    assert json.loads(event.removeprefix(b"data: "))["error"]["code"] == "upstream_died"


def test_an_unknown_status_has_no_phrase() -> None:
    assert reason_phrase(599) == ""
