"""One GET on one connection, and as much of its answer as a kubelet reads.

A node makes thousands of these an hour: there is no pool and no session, just what is said and what comes.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import lru_cache

import httptools

from kubelet.probes.door import DialError

LONGEST_BODY = 10 << 10
_LONGEST_HEAD = 64 << 10
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
"""RFC 9110 5.5 and 5.6.2."""


class ExchangeError(Exception):
    """What came is no answer; the words are Go's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    body: bytes
    """At most `LONGEST_BODY` of it."""
    location: str = ""
    """Where a redirect leads; empty without one."""


class Exchange(asyncio.Protocol):
    """Reads the answer to a request that somebody else has written."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._taken = 0
        self._body = bytearray()
        self._has_head = self._has_length = False
        self._location = ""
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        """ExchangeError; DialError."""

    # ---- the connection

    def data_received(self, data: bytes) -> None:
        if self.answer.done():
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._finish()
        except httptools.HttpParserError as error:
            self._fail(ExchangeError(f"malformed HTTP response: {error}"))
        self._taken += len(data)
        if not self._has_head and self._taken > _LONGEST_HEAD:
            words = f"net/http: server response headers exceeded {_LONGEST_HEAD} bytes; aborted"
            self._fail(ExchangeError(words))

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, DialError):
            self._fail(exc)
        elif self._has_head and not self._has_length:
            self._finish()  # this is what ends a body of unknown length
        self._fail(ExchangeError("unexpected EOF" if self._taken else "EOF"))

    # ---- the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """A callback of httptools."""
        match name.lower():
            case b"content-length" | b"transfer-encoding":
                self._has_length = True
            case b"location":
                self._location = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """A callback of httptools."""
        self._has_head = self._parser.get_status_code() >= 200

    def on_body(self, data: bytes) -> None:
        """A callback of httptools."""
        self._body += data
        if len(self._body) >= LONGEST_BODY:
            self._finish()

    def on_message_complete(self) -> None:
        """See httptools. What comes with 100 to 199, but for 101, is told before the answer."""
        if self._has_head:
            self._finish()

    def _finish(self) -> None:
        if not self.answer.done():
            status, body = self._parser.get_status_code(), bytes(self._body[:LONGEST_BODY])
            self.answer.set_result(Answer(status, body, self._location))

    def _fail(self, error: ExchangeError | DialError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # whoever asked may have given up: then nobody misses it


@lru_cache(maxsize=1024)
def get_request(target: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """`target`: path and query, quoted. `headers` have a Host. ExchangeError."""
    lines = [f"GET {target} HTTP/1.1"]
    for name, value in headers:
        if _NAME.fullmatch(name) is None:
            raise ExchangeError(f"net/http: invalid header field name {name!r}")
        if _VALUE.fullmatch(value) is None:
            raise ExchangeError(f"net/http: invalid header field value for {name!r}")
        lines.append(f"{name}: {value}")
    return "\r\n".join((*lines, "", "")).encode()
