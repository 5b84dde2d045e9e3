"""One GET on one connection, and as much of its answer as a kubelet reads. HTTP/1.1 by h11.

A node makes thousands of these an hour: there is no pool and no session, just what is said and what comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import h11

LONGEST_BODY = 10 << 10
_LONGEST_HEAD = 64 << 10


class ExchangeError(Exception):
    """What came is no answer; the words are Go's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came."""

    status: int
    body: bytes
    """At most `LONGEST_BODY` of it."""
    location: str = ""
    """Where a redirect leads; empty without one."""


class Exchange(asyncio.Protocol):
    """Asks as soon as it is connected."""

    def __init__(self, target: str, headers: Sequence[tuple[str, str]]) -> None:
        """`target`: path and query. `headers` have a Host. ExchangeError."""
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        try:
            request = h11.Request(method="GET", target=target, headers=list(headers))
            self._request = self._http.send(request) or b""
            self._http.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise ExchangeError(f"net/http: invalid request: {error}") from None
        self._head: h11.Response | h11.InformationalResponse | None = None
        self._body = bytearray()
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        """ExchangeError."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self._receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self._receive(b"")  # which ends a body of unknown length
        if not self.answer.done():
            self.answer.set_exception(ExchangeError("EOF"))

    def _receive(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while not self._is_over(event := self._http.next_event()):
                if event is h11.NEED_DATA:
                    return
        except h11.RemoteProtocolError as error:
            words = "EOF" if not data and self._head is None else f"malformed HTTP response: {error}"
            self.answer.set_exception(ExchangeError(words))
            return
        if self._head is None:
            self.answer.set_exception(ExchangeError("EOF"))
            return
        found = dict(self._head.headers)
        location = found.get(b"location", b"").decode("latin-1")
        self.answer.set_result(Answer(self._head.status_code, bytes(self._body[:LONGEST_BODY]), location))

    def _is_over(self, event: object) -> bool:
        """Whether nothing more of the answer is wanted, or can come."""
        match event:
            case h11.Response() | h11.InformationalResponse():
                self._head = event
            case h11.Data():
                self._body += event.data
                return len(self._body) >= LONGEST_BODY
        return isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED
