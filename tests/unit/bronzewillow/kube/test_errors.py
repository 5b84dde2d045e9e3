from __future__ import annotations

import pytest

from bronzewillow.kube.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    StatusError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    status_error,
)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", BadRequest),
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (410, "Expired", Expired),
        (410, "Gone", Expired),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (500, "InternalError", Unavailable),
        (503, "", Unavailable),
        (415, "UnsupportedMediaType", StatusError),
    ],
)
def test_codes_and_reasons(code: int, reason: str, kind: type[StatusError]) -> None:
    error = status_error(code, {"reason": reason, "message": "no"}, where="GET /x")
    assert type(error) is kind
    assert (error.code, error.reason, str(error)) == (code, reason, "no")


def test_a_body_that_is_no_status() -> None:
    error = status_error(502, {"message": 5, "details": "?", "reason": []}, where="GET /x")
    assert str(error) == "GET /x: answered 502"
    assert error.details == {}


def test_a_message_is_one_line_of_bounded_length() -> None:
    text = str(status_error(500, {"message": "a\nb\x0bc" + "d" * 5000}, where=""))
    assert text.startswith("a b c")
    assert len(text) == 1000


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        ("7", {}, 7.0),
        ("", {"retryAfterSeconds": 3}, 3.0),
        ("soon", {}, 0.0),
        ("99999", {}, 600.0),
        ("", {}, 0.0),
    ],
)
def test_how_long_to_wait(header: str, details: dict[str, int], seconds: float) -> None:
    error = status_error(429, {"details": details}, where="", retry_after=header)
    assert error.retry_after_s == seconds
