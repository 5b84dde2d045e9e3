"""What the proxy itself answers: OpenAI's error shape, so that SDKs raise and retry rightly."""

from __future__ import annotations

import json
from email.utils import formatdate
from http import HTTPStatus


class ProxyError(Exception):
    """A request ends with an answer of the proxy's own, before any byte of the upstream's answer was sent."""

    def __init__(
        self, status: int, cause: str, *, code: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(cause)
        self.status = status
        self.cause = cause
        self.code = code
        self.retry_after_s = retry_after_s


class StreamBroken(Exception):
    """The upstream failed after the head of its answer had been passed on."""


def error_type(status: int) -> str:
    """OpenAI's `type` for an HTTP status."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def emit_error_body(status: int, message: str, code: str | None) -> bytes:
    """OpenAI's error object: `{"error": {"message", "type", "param", "code"}}`."""
    error = {"message": message, "type": error_type(status), "param": None, "code": code}
    return json.dumps({"error": error}).encode()


def emit_error_response(error: ProxyError, where: str, *, close: bool, head_only: bool = False) -> bytes:
    """A whole HTTP/1.1 response; `where` names the pod port, `head_only` answers a HEAD request."""
    body = emit_error_body(error.status, f"{where}: {error.cause}", error.code)
    lines = [
        f"HTTP/1.1 {error.status} {reason_phrase(error.status)}",
        f"Date: {formatdate(usegmt=True)}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if error.retry_after_s is not None:
        lines.append(f"Retry-After: {error.retry_after_s}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head_only else body)


def emit_error_event(where: str, cause: str) -> bytes:
    """The event that ends a broken stream: SDKs raise on a truthy `error` in an event's JSON."""
    return b"data: " + emit_error_body(502, f"{where}: {cause}", "upstream_died") + b"\n\n"


def reason_phrase(status: int) -> str:
    """The standard phrase of a status, or nothing for a status without one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
