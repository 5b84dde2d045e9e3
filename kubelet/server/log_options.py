"""What a request for logs asks for: v1 PodLogOptions in a query. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_TRUE = ("true", "1", "True", "TRUE", "t", "T")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})")
_STREAMS = {"All": None, "Stdout": "stdout", "Stderr": "stderr", "": None}


class InvalidOption(Exception):
    """One line; the status is 400 for what cannot be read, 422 for what makes no sense."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines, and how."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since_ns: int = 0
    """Nanoseconds since 1970; lines before it are left out."""
    tail_lines: int | None = None
    """Only so many of the last lines of the file."""
    limit_bytes: int | None = None
    stream: str | None = None
    """`stdout` or `stderr`; None for both."""


def parse_log_options(query: Mapping[str, str], now_ns: int) -> LogOptions:
    """What the query of containerLogs asks for. InvalidOption."""
    tail = query.get("tailLines", query.get("tail", ""))
    tail_lines = None if tail in ("", "all") else _number("tailLines", tail, 0)
    seconds = _number("sinceSeconds", query["sinceSeconds"], 1) if query.get("sinceSeconds") else None
    since = parse_time_ns(query["sinceTime"]) if query.get("sinceTime") else None
    if seconds is not None and since is not None:
        raise InvalidOption("at most one of `sinceTime` or `sinceSeconds` may be specified", 422)
    limit = _number("limitBytes", query["limitBytes"], 1) if query.get("limitBytes") else None
    stream = query.get("stream", "")
    if stream not in _STREAMS:
        raise InvalidOption(f"stream: {stream!r} is none of All, Stdout, Stderr", 422)
    if _STREAMS[stream] is not None and tail_lines is not None:
        raise InvalidOption("tailLines and a specific stream are mutually exclusive", 422)
    since_ns = now_ns - seconds * 1_000_000_000 if seconds is not None else since or 0
    return LogOptions(
        query.get("follow", "") in _TRUE,
        query.get("previous", "") in _TRUE,
        query.get("timestamps", "") in _TRUE,
        since_ns,
        tail_lines,
        limit,
        _STREAMS[stream],
    )


def parse_time_ns(text: str) -> int:
    """RFC 3339 with up to nanoseconds, as nanoseconds since 1970. InvalidOption."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise InvalidOption(f"sinceTime: {text[:40]!r} is no time of RFC 3339")
    zone = "+00:00" if found[3] == "Z" else found[3]
    try:
        seconds = int(datetime.fromisoformat(found[1] + zone).timestamp())
    except (ValueError, OverflowError):
        raise InvalidOption(f"sinceTime: {text[:40]!r} is no time of RFC 3339") from None
    return seconds * 1_000_000_000 + int(((found[2] or ".0")[1:] + "000000000")[:9])


def _number(name: str, text: str, least: int) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise InvalidOption(f"{name}: {text[:40]!r} is no number")
    value = int(text)
    if value < least:
        raise InvalidOption(f"{name}: must be {'positive' if least else 'zero or more'}", 422)
    return value
