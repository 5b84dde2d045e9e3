"""What can come instead of an answer, in Kubernetes' own words (`metav1.StatusReason`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LONGEST_MESSAGE = 1000
_LONGEST_WAIT_S = 600.0


class KubeError(Exception):
    """The base of all; its text is one line that a user can act on."""


class Unreachable(KubeError):
    """No answer: refused, reset, no TLS, or silence."""

    def __init__(self, message: str, cause: str = "") -> None:
        """`cause`: without the place; the whole message where nothing else is given."""
        super().__init__(message)
        self.cause = cause or message


class BadAnswer(KubeError):
    """An answer that is none of an API server's."""


class BadCredentials(KubeError):
    """Who we are cannot be shown: a file is missing, or a plugin failed. Nothing was sent."""


class StatusError(KubeError):
    """The API server said no."""

    def __init__(
        self,
        message: str,
        *,
        code: int = 500,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after_s: float = 0.0,
    ) -> None:
        """`retry_after_s`: how long it asks to be left alone, 0 for no word of it."""
        super().__init__(message)
        self.code, self.reason = code, reason
        self.details: Mapping[str, Any] = details or {}
        self.retry_after_s = retry_after_s


class BadRequest(StatusError):
    """400: it did not understand."""


class Unauthorized(StatusError):
    """401: it does not know us."""


class Forbidden(StatusError):
    """403: it knows us, and we may not."""


class NotFound(StatusError):
    """404: no such object, or no such kind."""


class AlreadyExists(StatusError):
    """409 on create: the name is taken."""


class Conflict(StatusError):
    """409: the object has changed, or is another one (uid), since it was read."""


class Expired(StatusError):
    """410: that resourceVersion, or that continue token, is too old; list again."""


class Invalid(StatusError):
    """422: the object is not valid."""


class TooManyRequests(StatusError):
    """429: wait `retry_after_s`."""


class Unavailable(StatusError):
    """5xx: it cannot, for now."""


_BY_CODE: dict[int, type[StatusError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: TooManyRequests,
}


def status_error(code: int, status: Mapping[str, Any], *, where: str, retry_after: str = "") -> StatusError:
    """The error for an answer with `code`; `status`: its body, if it was one; `where`: what was asked."""
    reason = _text(status.get("reason"))
    message = " ".join(_text(status.get("message")).split())[:_LONGEST_MESSAGE] or f"{where}: answered {code}"
    details = status.get("details")
    kind = _BY_CODE.get(code, Unavailable if code >= 500 else StatusError)
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    details = details if isinstance(details, Mapping) else {}
    asked = retry_after or details.get("retryAfterSeconds", "")
    return kind(message, code=code, reason=reason, details=details, retry_after_s=_seconds(asked))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seconds(value: object) -> float:
    text = str(value)
    return min(float(text), _LONGEST_WAIT_S) if text.isdecimal() and len(text) < 10 else 0.0
