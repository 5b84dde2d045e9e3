"""The HTTP request that every stream begins with, as bytes; and the answer that ends HTTP, or refuses.

RFC 9110 7.8 and RFC 6455 4.2 by h11. The names of what is spoken are Kubernetes': `X-Stream-Protocol-Version`
(apimachinery/pkg/util/httpstream) and `Sec-WebSocket-Protocol` (apiserver/pkg/util/wsstream).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import h11
from wsproto.utilities import generate_accept_token

LONGEST_HEAD_BYTES = 16 << 10
_OFFER, _ACCEPTED = b"x-stream-protocol-version", "X-Accepted-Stream-Protocol-Versions"
_WEBSOCKET_OFFER, _WEBSOCKET_KEY = b"sec-websocket-protocol", b"sec-websocket-key"
_KEY_LENGTH = 24


class Wire(Enum):
    """What is spoken after the upgrade."""

    SPDY = "SPDY/3.1"
    WEBSOCKET = "websocket"


class Refused(Exception):
    """The request is not granted: an HTTP status and one line."""

    def __init__(self, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.headers = status, dict(headers or {})


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """The path, the wire and the protocol that a caller asks for."""

    path: str
    wire: Wire
    offered: tuple[str, ...]
    """Protocols inside, the client's favourite first."""
    key: bytes = b""
    """Of a WebSocket's opening."""


class Handshake:
    """One connection's request and answer."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD_BYTES)
        self._head: h11.Request | None = None

    def receive(self, data: bytes) -> UpgradeRequest | None:
        """The request, once its head is whole; nothing at all (b"") is the client's end. Refused."""
        try:
            self._http.receive_data(data)
            while True:
                event = self._http.next_event()
                match event:
                    case h11.Request():
                        self._head = event
                    case h11.EndOfMessage() if self._head is not None:
                        return _parse(self._head)
                    case h11.NEED_DATA:
                        return None
                    case _:
                        raise Refused(HTTPStatus.BAD_REQUEST, "a request for a stream has no body")
        except h11.RemoteProtocolError as error:
            raise Refused(HTTPStatus(error.error_status_hint), str(error)) from None

    def accept(self, request: UpgradeRequest, protocol: str | None) -> bytes:
        """The answer, in which `protocol` is agreed on, if any."""
        headers = [("Connection", "Upgrade"), ("Upgrade", request.wire.value)]
        if request.wire is Wire.WEBSOCKET:
            headers.append(("Sec-WebSocket-Accept", generate_accept_token(request.key).decode()))
            if protocol:
                headers.append(("Sec-WebSocket-Protocol", protocol))
        elif protocol:
            headers.append(("X-Stream-Protocol-Version", protocol))
        answer = h11.InformationalResponse(status_code=101, headers=headers, reason=b"Switching Protocols")
        return self._http.send(answer) or b""

    def refuse(self, refused: Refused) -> bytes:
        """An answer with its text; the connection is of no more use."""
        body = f"{refused}\n".encode()
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))),
            ("Connection", "close"), *refused.headers.items(),
        ]  # fmt: skip
        answer = h11.Response(status_code=refused.status, headers=headers, reason=refused.status.phrase)
        parts = (answer, h11.Data(data=body), h11.EndOfMessage())
        try:
            return b"".join(self._http.send(part) or b"" for part in parts)
        except h11.LocalProtocolError:
            return b""  # there is nobody whom HTTP could answer

    @property
    def rest(self) -> bytes:
        """What came behind the request: it is of the protocol that was agreed on."""
        data, _ = self._http.trailing_data
        return bytes(data)


def choose(request: UpgradeRequest, served: Sequence[str], oldest: str) -> str:
    """The client's first choice that is served; `oldest` for a client that names none. Refused."""
    if not request.offered:
        return oldest
    for protocol in request.offered:
        if protocol in served:
            return protocol
    raise Refused(
        HTTPStatus.FORBIDDEN,
        f"unable to upgrade: none of {', '.join(request.offered)[:200]} is served; "
        f"there is {', '.join(filter(None, served))}",
        {_ACCEPTED: ", ".join(filter(None, served))},
    )


def _parse(head: h11.Request) -> UpgradeRequest:
    if head.method not in (b"GET", b"POST"):
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "ask by GET or POST", {"Allow": "GET, POST"})
    upgrades = [word.lower() for word in _words(head, b"upgrade")]
    if "upgrade" not in (word.lower() for word in _words(head, b"connection")) or not upgrades:
        raise Refused(
            HTTPStatus.BAD_REQUEST,
            "unable to upgrade: here are streams alone, by SPDY/3.1 or WebSocket",
        )
    path = head.target.decode("latin-1").partition("?")[0]
    if upgrades[0] == Wire.SPDY.value.lower():
        return UpgradeRequest(path, Wire.SPDY, _words(head, _OFFER))
    if upgrades[0] != Wire.WEBSOCKET.value:
        raise Refused(HTTPStatus.BAD_REQUEST, f"unable to upgrade: {upgrades[0][:80]!r} is not spoken here")
    if head.method != b"GET":
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "a WebSocket is asked for by GET", {"Allow": "GET"})
    if _words(head, b"sec-websocket-version") != ("13",):
        raise Refused(
            HTTPStatus.UPGRADE_REQUIRED,
            "WebSocket version 13 is spoken",
            {"Sec-WebSocket-Version": "13"},
        )
    keys = [value for name, value in head.headers if name == _WEBSOCKET_KEY]
    if len(keys) != 1 or len(keys[0]) != _KEY_LENGTH:
        raise Refused(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key: is missing, or not of 16 bytes")
    return UpgradeRequest(path, Wire.WEBSOCKET, _words(head, _WEBSOCKET_OFFER), keys[0])


def _words(head: h11.Request, wanted: bytes) -> tuple[str, ...]:
    """Of a header that is a list, or is there several times."""
    values = [value.decode("latin-1") for name, value in head.headers if name == wanted]
    return tuple(word for value in values for part in value.split(",") if (word := part.strip()))
