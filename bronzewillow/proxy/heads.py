"""Message heads: what a proxy must take out, put in and leave alone (RFC 9110 7.6, RFC 9112 3 and 6).

Names and values are the bytes that the peer sent: case, order, duplicates and encoding pass unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bronzewillow.proxy.errors import ProxyError

RawHeaders = Iterable[tuple[bytes, bytes]]

# RFC 9110 7.6.1, and Trailer, since trailer fields are not passed on.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# A client may not name these in Connection to have them removed (RFC 9110 7.6.1: end-to-end fields).
_END_TO_END = frozenset({b"host", b"content-length", b"content-type", b"authorization", b"expect"})
# Who the client is, we know from its packets; what it says itself is not believed.
_FORWARDING = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})
# What aiohttp's parser can switch to; other offers, such as the JDK client's h2c, are dropped with their
# settings (RFC 9110 7.8: a server MAY ignore them).
_UPGRADE = b"websocket"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
IDEMPOTENT_METHODS = SAFE_METHODS | {"TRACE", "PUT", "DELETE"}


@dataclass(slots=True)
class RequestHead:
    """A client's request head, understood."""

    method: str
    target: bytes
    """Origin-form or asterisk-form, byte for byte."""
    fields: list[tuple[bytes, bytes]]
    """End-to-end fields, without Content-Length and without forged forwarding fields."""
    content_length: int | None
    chunked: bool
    expects_continue: bool
    upgrade: bytes | None
    """Value of the Upgrade field, when the client asks for a protocol that can be tunnelled."""

    @property
    def has_body(self) -> bool:
        """Whether framing announces a body, possibly an empty one."""
        return self.chunked or bool(self.content_length)


def parse_request_head(
    method: str, target: str, raw_headers: RawHeaders, *, is_http_11: bool, max_bytes: int
) -> RequestHead:
    """Sort the fields of a request; ProxyError 400, 405, 431 or 501 for what cannot be passed on."""
    if method == "CONNECT":
        raise ProxyError(405, "CONNECT is not served by a pod", code="method_not_allowed")
    raw_target = target.encode("utf-8", "surrogateescape")
    size = len(method) + len(raw_target) + 12
    nominated: set[bytes] = set()
    codings: list[bytes] | None = None
    lengths: set[bytes] = set()
    upgrade: bytes | None = None
    expects_continue = False
    hosts = 0
    kept: list[tuple[bytes, bytes, bytes]] = []
    for name, value in raw_headers:
        size += len(name) + len(value) + 4
        lower = name.lower()
        if lower == b"connection":
            nominated.update(_tokens(value))
        elif lower == b"transfer-encoding":
            codings = [*(codings or ()), *_tokens(value)]
        elif lower == b"content-length":
            lengths.add(value)
        elif lower == b"upgrade":
            upgrade = value
        elif lower in _HOP_BY_HOP or lower in _FORWARDING:
            pass
        else:
            if lower == b"host":
                hosts += 1
            elif lower == b"expect":
                if value.lower() != b"100-continue":  # RFC 9110 10.1.1
                    raise ProxyError(417, "only the expectation 100-continue is known")
                expects_continue = is_http_11
                if not is_http_11:
                    continue
            kept.append((lower, name, value))
    if size > max_bytes:
        raise ProxyError(431, f"the request's head is longer than {max_bytes} bytes")
    if hosts > 1 or (is_http_11 and hosts == 0):  # RFC 9112 3.2
        raise ProxyError(400, "a request needs exactly one Host field")
    if len(lengths) > 1 or (lengths and codings is not None):
        # RFC 9112 6.3: the makings of request smuggling
        raise ProxyError(400, "contradictory body lengths")
    if codings and not is_http_11:  # RFC 9112 6.1: a proxy before us may have understood none of it
        raise ProxyError(400, "HTTP/1.0 has no transfer codings")
    if codings and codings != [b"chunked"]:  # RFC 9112 6.1
        raise ProxyError(501, "the only transfer coding known is chunked")
    length = next(iter(lengths), None)
    nominated -= _END_TO_END
    fields = [(name, value) for lower, name, value in kept if lower not in nominated]
    origin, authority = _origin_form(raw_target)
    if authority is not None:  # RFC 9112 3.2.2: the target's host replaces the field's
        fields = [(n, v) for n, v in fields if n.lower() != b"host"]
        fields.insert(0, (b"Host", authority))
    wanted = upgrade if upgrade is not None and b"upgrade" in nominated and is_http_11 else None
    return RequestHead(
        method=method,
        target=origin,
        fields=fields,
        content_length=None if length is None else int(length),
        chunked=bool(codings),
        expects_continue=expects_continue,
        upgrade=wanted if wanted is not None and wanted.lower() == _UPGRADE else None,
    )


def emit_request_head(head: RequestHead, client: str, authority: str) -> bytes:
    """The head for the upstream; `client` is the address without port, `authority` fills in for HTTP/1.0."""
    node = f'"[{client}]"' if ":" in client else client  # RFC 7239 6
    lines = [b"%b %b HTTP/1.1" % (head.method.encode(), head.target)]
    lines += [b"%b: %b" % field for field in head.fields]
    if not any(name.lower() == b"host" for name, _ in head.fields):
        lines.append(b"Host: " + authority.encode())
    lines.append(b"X-Forwarded-For: " + client.encode())
    lines.append(b"Forwarded: for=" + node.encode())
    if head.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif head.content_length is not None:
        lines.append(b"Content-Length: %d" % head.content_length)
    if head.upgrade is not None:
        lines += [b"Connection: Upgrade", b"Upgrade: " + head.upgrade]
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def emit_response_head(
    status: int,
    reason: str,
    raw_headers: RawHeaders,
    *,
    chunked: bool,
    drop_length: bool,
    connection: bytes | None,
    upgrade: bytes | None = None,
    retry_after_s: int | None = None,
) -> bytes:
    """The head for the client.

    `connection` is the value of our own Connection field; `retry_after_s` is added where the upstream has
    none. ProxyError 502 for a field that would break out of its line: the response parser is lenient.
    """
    nominated: set[bytes] = set()
    kept: list[tuple[bytes, bytes, bytes]] = []
    for name, value in raw_headers:
        lower = name.lower()
        if lower == b"connection":
            nominated.update(_tokens(value))
        elif lower in _HOP_BY_HOP or (drop_length and lower == b"content-length"):
            pass
        else:
            kept.append((lower, name, value))
        if lower == b"retry-after":
            retry_after_s = None
    nominated -= _END_TO_END
    lines = [b"HTTP/1.1 %d %b" % (status, reason.encode("utf-8", "surrogateescape"))]
    lines += [b"%b: %b" % (name, value) for lower, name, value in kept if lower not in nominated]
    if retry_after_s is not None:
        lines.append(b"Retry-After: %d" % retry_after_s)
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    if connection is not None:
        lines.append(b"Connection: " + connection)
    if upgrade is not None:
        lines.append(b"Upgrade: " + upgrade)
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    # The join puts len(lines) - 1 line ends, the last item holds one more.
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ProxyError(502, "the upstream sent a malformed field", code="upstream_bad_response")
    return head


def emit_chunk(data: bytes, *, last: bool = False) -> bytes:
    """One chunk (RFC 9112 7.1), and the body's end behind it if `last`; no data gives the end alone."""
    end = b"0\r\n\r\n" if last else b""
    return b"%x\r\n%b\r\n%b" % (len(data), data, end) if data else end


def _tokens(value: bytes) -> list[bytes]:
    return [token for part in value.lower().split(b",") if (token := part.strip(b" \t"))]


def _origin_form(target: bytes) -> tuple[bytes, bytes | None]:
    """Origin-form of a target, and the authority if it was in absolute-form (RFC 9112 3.2.2)."""
    if target.startswith(b"/") or target == b"*":
        return target, None
    _, _, rest = target.partition(b"://")
    ends = [at for mark in (b"/", b"?", b"#") if (at := rest.find(mark)) >= 0]
    end = min(ends, default=len(rest))
    authority, origin = rest[:end], rest[end:]
    return (origin if origin.startswith(b"/") else b"/" + origin), authority.rpartition(b"@")[2]
