"""What went wrong, in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.

Clients decide by status and `code` (a string or null, never a number), and one of them reads the two
numbers out of the wording of context_length_exceeded; so the wording is part of the interface.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from runtime.engine.interface import ContextExceeded, EngineError, InvalidRequest

INVALID = "invalid_request_error"


class ApiError(Exception):
    """An answer other than 200."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {
            "error": {"message": message, "type": kind, "param": param, "code": code}
        }
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=self.headers, dumps=dumps)


def dumps(value: Any) -> str:
    """JSON as it goes over the wire: compact, and UTF-8 rather than escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def bad_request(message: str, param: str | None = None) -> ApiError:
    return ApiError(400, message, param=param)


def loading() -> ApiError:
    return ApiError(503, "The model is still loading.", kind="server_error", retry_after_s=1)


def body_too_slow(limit_s: float) -> ApiError:
    return ApiError(
        408, f"The request's body was not here after {limit_s:g} s.", code="request_timeout",
        headers={"Connection": "close"},
    )  # fmt: skip


def draining() -> ApiError:
    return ApiError(
        503,
        "The server is shutting down.",
        kind="server_error",
        retry_after_s=1,
        headers={"Connection": "close"},
    )


def queue_full(waiting: int) -> ApiError:
    return ApiError(
        429,
        f"All slots are busy and {waiting} requests are waiting; try again later.",
        kind="rate_limit_error",
        code="rate_limit_exceeded",
        retry_after_s=1,
    )


def model_not_found(name: str) -> ApiError:
    return ApiError(
        404, f"The model '{name}' does not exist or you do not have access to it.",
        param="model", code="model_not_found",
    )  # fmt: skip


def from_engine(error: EngineError, param: str = "messages") -> ApiError:
    """The answer for an engine's exception; `param` names where the prompt was: `messages`, `prompt`, or
    `input` of embeddings, whose limit is the batch.
    """
    if isinstance(error, ContextExceeded):
        more = " or more" if error.is_least else ""
        where = " for embeddings, which take one batch" if param == "input" else ""
        return ApiError(
            400,
            f"This model's maximum context length is {error.context_tokens} tokens{where}. "
            f"However, your {param} resulted in {error.prompt_tokens} tokens{more}. "
            f"Please reduce the length of the {param}.",
            param=param,
            code="context_length_exceeded",
        )
    if isinstance(error, InvalidRequest):
        return bad_request(str(error))
    return ApiError(500, str(error) or "The engine failed.", kind="server_error")
