"""How a program says whom it wants to reach: HTTP's CONNECT, a plain HTTP proxy request, or SOCKS 5. Pure.

RFC 9110 9.3.6 and 11.7, RFC 9112 3.2.2, RFC 7617, RFC 1928, RFC 1929. Bytes in; what to answer, and in the
end a destination, out. One request a connection: what is proxied as plain HTTP is told to close.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

LONGEST_HEAD = 16 << 10
_CONNECT = re.compile(rb"CONNECT (\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5}) HTTP/1\.[01]")
_PLAIN = re.compile(rb"([A-Z]{1,16}) (http://[!-~]{1,8192}) HTTP/1\.[01]")
_HOP_BY_HOP = (b"connection:", b"proxy-connection:", b"proxy-authorization:", b"keep-alive:")
_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    407: "Proxy Authentication Required",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_SOCKS = 5
_SOCKS_REFUSED, _SOCKS_UNREACHABLE, _SOCKS_FORBIDDEN, _SOCKS_FAILED = 5, 4, 2, 1
_NO_METHOD, _BY_PASSWORD = 0, 2
_PASSWORD_VERSION = 1
_CONNECT_COMMAND = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom to reach, and what is said to both ends once that has been done."""

    host: str
    """A name, or an address without brackets."""
    port: int
    welcome: bytes
    """For the program."""
    first_words: bytes = b""
    """For the destination."""
    is_socks: bool = False
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    """Name and password, where some were given."""

    def refusal(self, status: int, reason: str) -> bytes:
        """What to answer when it cannot be reached."""
        if not self.is_socks:
            return refusal(status, reason)
        unreachable = _SOCKS_REFUSED if "refused" in reason else _SOCKS_UNREACHABLE
        forbidden = dict.fromkeys((403, 407), _SOCKS_FORBIDDEN)
        codes = {**dict.fromkeys((502, 504), unreachable), **forbidden}
        return bytes((_SOCKS, codes.get(status, _SOCKS_FAILED), 0, _IPV4)) + bytes(6)


class Unacceptable(Exception):
    """Nothing that is spoken here; `answer` is what to say before hanging up."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer


class Greeting:
    """The beginning of a connection to the door or an outlet, until its destination is known."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._has_chosen = False
        self._awaits_password = False
        self._credentials: tuple[str, str] | None = None
        self.replies = bytearray()
        """To be sent now; the reader empties it."""

    def receive(self, data: bytes) -> Destination | None:
        """None: more is needed. What came behind the greeting is in `first_words`. Unacceptable."""
        self._data += data
        if self._has_chosen or self._data[:1] == bytes((_SOCKS,)):
            return self._socks()
        return self._http()

    def _http(self) -> Destination | None:
        head, end, rest = bytes(self._data).partition(b"\r\n\r\n")
        if not end:
            if len(self._data) > LONGEST_HEAD:
                raise Unacceptable(refusal(400, "the head of the request is too long"))
            return None
        line, _, fields = head.partition(b"\r\n")
        credentials = _basic(fields)
        if found := _CONNECT.fullmatch(line):
            host, port = found[1].decode().strip("[]"), int(found[2])
            if _is_reachable(host, port):
                welcome = b"HTTP/1.1 200 Connection established\r\n\r\n"
                return Destination(host, port, welcome, rest, credentials=credentials)
        elif found := _PLAIN.fullmatch(line):
            plain = _plain(found[1], found[2].decode(), fields, rest)
            if plain is not None:
                return replace(plain, credentials=credentials)
        text = "say CONNECT HOST:PORT HTTP/1.1, or ask for http://HOST/"
        raise Unacceptable(refusal(400, text))

    def _socks(self) -> Destination | None:
        data = self._data
        if not self._has_chosen:
            if len(data) < 2 or len(data) < 2 + data[1]:
                return None
            methods = bytes(data[2 : 2 + data[1]])
            chosen = next((one for one in (_BY_PASSWORD, _NO_METHOD) if one in methods), 0xFF)
            if chosen == 0xFF:
                raise Unacceptable(bytes((_SOCKS, chosen)))
            del data[: 2 + len(methods)]
            self._has_chosen = True
            self._awaits_password = chosen == _BY_PASSWORD
            self.replies += bytes((_SOCKS, chosen))
        if self._awaits_password and not self._password():
            return None
        if len(data) < 5:
            return None
        kind = data[3]
        size = {_IPV4: 4, _IPV6: 16, _NAME: 1 + data[4]}.get(kind, 0)
        if data[0] != _SOCKS or data[1] != _CONNECT_COMMAND or not size:
            code = (
                7 if data[1] != _CONNECT_COMMAND else 8
            )  # RFC 1928 6: command, or address type, not supported
            raise Unacceptable(bytes((_SOCKS, code, 0, _IPV4)) + bytes(6))
        if len(data) < 4 + size + 2:
            return None
        raw = bytes(data[4 : 4 + size])
        host = raw[1:].decode("latin-1") if kind == _NAME else str(ipaddress.ip_address(raw))
        port = int.from_bytes(data[4 + size : 6 + size], "big")
        rest = bytes(data[6 + size :])
        welcome = bytes((_SOCKS, 0, 0, _IPV4)) + bytes(6)
        found = Destination(host, port, welcome, rest, is_socks=True, credentials=self._credentials)
        if not _is_reachable(host, port):
            raise Unacceptable(found.refusal(502, "no such host"))
        return found

    def _password(self) -> bool:
        """RFC 1929 2. Whether it is there. Who has none, or a wrong one, is told with the destination."""
        data = self._data
        if len(data) < 2 or len(data) < 3 + data[1] or len(data) < 3 + data[1] + data[2 + data[1]]:
            return False
        if data[0] != _PASSWORD_VERSION:
            raise Unacceptable(bytes((_PASSWORD_VERSION, 1)))
        after_name = 2 + data[1]
        end = after_name + 1 + data[after_name]
        name, password = bytes(data[2:after_name]), bytes(data[after_name + 1 : end])
        if name or password:
            self._credentials = name.decode("latin-1"), password.decode("latin-1")
        del data[:end]
        self._awaits_password = False
        self.replies += bytes((_PASSWORD_VERSION, 0))
        return True


def refusal(status: int, reason: str) -> bytes:
    """An HTTP answer of one line of text."""
    body = reason.encode()
    fields = f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close"
    if status == 407:
        fields += '\r\nProxy-Authenticate: Basic realm="pods of this node"'
    return f"HTTP/1.1 {status} {_REASONS[status]}\r\n{fields}\r\n\r\n".encode() + body


def _basic(fields: bytes) -> tuple[str, str] | None:
    """RFC 7617 2. What cannot be read is nobody's password."""
    for field_line in fields.split(b"\r\n"):
        name, _, value = field_line.partition(b":")
        if name.lower() != b"proxy-authorization":
            continue
        scheme, _, encoded = value.strip().partition(b" ")
        try:
            text = base64.b64decode(encoded.strip(), validate=True).decode("latin-1")
        except binascii.Error:
            text = ""
        user, _, password = text.partition(":")
        return (user, password) if scheme.lower() == b"basic" else ("", "")
    return None


def _plain(method: bytes, url: str, fields: bytes, rest: bytes) -> Destination | None:
    """The request as its origin wants it, which is asked to close when it has answered."""
    try:
        place = urlsplit(url)
        port = place.port or 80
    except ValueError:
        return None
    host = place.hostname or ""
    if not _is_reachable(host, port) or place.username is not None:
        return None
    target = (place.path or "/") + (f"?{place.query}" if place.query else "")
    kept = [field for field in fields.split(b"\r\n") if field and not field.lower().startswith(_HOP_BY_HOP)]
    lines = [method + b" " + target.encode() + b" HTTP/1.1", *kept, b"Connection: close"]
    return Destination(host, port, b"", b"\r\n".join(lines) + b"\r\n\r\n" + rest)


def _is_reachable(host: str, port: int) -> bool:
    """Whether it could be one: digits and dots alone must be an address."""
    if not host or not 0 < port < 65536:
        return False
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
    return True
