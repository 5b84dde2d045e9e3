from __future__ import annotations

import pytest

from bronzewillow.proxy.errors import ProxyError
from bronzewillow.proxy.heads import (
    RequestHead,
    emit_chunk,
    emit_request_head,
    emit_response_head,
    parse_request_head,
)

Fields = list[tuple[bytes, bytes]]
HOST = (b"Host", b"pod:8080")


def parse(fields: Fields, target: str = "/", method: str = "GET", *, http_11: bool = True) -> RequestHead:
    return parse_request_head(method, target, fields, is_http_11=http_11, max_bytes=4096)


def test_case_order_and_duplicates_pass_byte_for_byte() -> None:
    fields = [HOST, (b"x-A", b"1"), (b"X-a", b"2"), (b"X-Latin", b"\xe9\xff"), (b"aCCept", b"*/*")]
    wire = emit_request_head(parse(fields, "/a%2Fb//c?x=%20&y=%zz"), "10.0.0.9", "a:1")
    assert wire == (
        b"GET /a%2Fb//c?x=%20&y=%zz HTTP/1.1\r\nHost: pod:8080\r\nx-A: 1\r\nX-a: 2\r\nX-Latin: \xe9\xff\r\n"
        b"aCCept: */*\r\nX-Forwarded-For: 10.0.0.9\r\nForwarded: for=10.0.0.9\r\n\r\n"
    )


def test_hop_by_hop_fields_end_here() -> None:  # RFC 9110 7.6.1
    fields = [
        HOST,
        (b"Connection", b"keep-alive, X-Mine"),
        (b"connection", b"close"),
        (b"Keep-Alive", b"timeout=5"),
        (b"X-Mine", b"1"),
        (b"TE", b"trailers"),
        (b"Trailer", b"X"),
        (b"Proxy-Connection", b"x"),
        (b"Proxy-Authorization", b"secret"),
        (b"Upgrade", b"h2c"),
    ]
    assert parse(fields).fields == [HOST]
    assert parse(fields).upgrade is None


def test_connection_cannot_remove_end_to_end_fields() -> None:
    fields = [HOST, (b"Connection", b"host, authorization"), (b"Authorization", b"Bearer x")]
    assert parse(fields).fields == [HOST, (b"Authorization", b"Bearer x")]


def test_forged_forwarding_fields_are_replaced() -> None:
    fields = [
        HOST,
        (b"X-Forwarded-For", b"1.2.3.4"),
        (b"Forwarded", b"for=1.2.3.4"),
        (b"x-real-ip", b"1.2.3.4"),
    ]
    wire = emit_request_head(parse(fields), "fd00::7", "a:1")
    assert b"1.2.3.4" not in wire
    assert b'\r\nX-Forwarded-For: fd00::7\r\nForwarded: for="[fd00::7]"\r\n' in wire


@pytest.mark.parametrize(
    ("target", "origin", "host"),
    [
        ("http://model.ns/v1?x=1", b"/v1?x=1", b"model.ns"),
        ("http://user:pw@model.ns:8080", b"/", b"model.ns:8080"),
        ("http://model?x", b"/?x", b"model"),
        ("//not-a-host/x", b"//not-a-host/x", b"pod:8080"),
    ],
)
def test_absolute_form(target: str, origin: bytes, host: bytes) -> None:  # RFC 9112 3.2.2
    head = parse([HOST], target)
    assert head.target == origin
    assert head.fields == [(b"Host", host)]


def test_asterisk_form() -> None:
    assert parse([HOST], "*", "OPTIONS").target == b"*"


def test_an_http_10_request_gets_a_host() -> None:
    assert b"\r\nHost: 10.0.0.1:80\r\n" in emit_request_head(parse([], http_11=False), "c", "10.0.0.1:80")


def test_http_10_knows_no_chunks() -> None:  # RFC 9112 6.1: the framing is faulty
    with pytest.raises(ProxyError) as caught:
        parse([HOST, (b"Transfer-Encoding", b"chunked")], method="POST", http_11=False)
    assert caught.value.status == 400


def test_framing_fields_are_ours() -> None:
    chunked = emit_request_head(parse([HOST, (b"transfer-encoding", b"Chunked")], method="POST"), "c", "a")
    assert b"\r\nTransfer-Encoding: chunked\r\n" in chunked
    sized = parse([HOST, (b"content-length", b"12")], method="POST")
    assert sized.has_body
    assert b"\r\nContent-Length: 12\r\n" in emit_request_head(sized, "c", "a")


def test_an_upgrade_passes() -> None:
    head = parse([HOST, (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")])
    assert head.upgrade == b"websocket"
    assert emit_request_head(head, "c", "a").endswith(
        b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    assert parse([HOST, (b"Upgrade", b"websocket")]).upgrade is None


@pytest.mark.parametrize(
    ("status", "fields", "method"),
    [
        (400, [], "GET"),
        (400, [HOST, HOST], "GET"),
        (400, [HOST, (b"Content-Length", b"1"), (b"Content-Length", b"2")], "POST"),
        (400, [HOST, (b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked")], "POST"),
        (400, [HOST, (b"Content-Length", b"1"), (b"Transfer-Encoding", b"")], "POST"),
        (501, [HOST, (b"Transfer-Encoding", b"gzip, chunked")], "POST"),
        (417, [HOST, (b"Expect", b"200-ok")], "POST"),
        (431, [HOST, (b"X", b"y" * 5000)], "GET"),
        (405, [HOST], "CONNECT"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(status: int, fields: Fields, method: str) -> None:
    with pytest.raises(ProxyError) as caught:
        parse(fields, "/", method)
    assert caught.value.status == status


def test_response_heads_keep_what_is_end_to_end() -> None:
    fields = [
        (b"content-TYPE", b"text/plain"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
        (b"Connection", b"close, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Transfer-Encoding", b"chunked"),
    ]
    head = emit_response_head(200, "Fine", fields, chunked=True, drop_length=True, connection=None)
    assert head == (
        b"HTTP/1.1 200 Fine\r\ncontent-TYPE: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )


def test_retry_after_is_added_only_where_it_lacks() -> None:
    def emit(fields: Fields) -> bytes:
        return emit_response_head(
            503, "", fields, chunked=False, drop_length=False, connection=b"close", retry_after_s=1
        )

    assert emit([]) == b"HTTP/1.1 503 \r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
    assert b"Retry-After: 1" not in emit([(b"retry-after", b"9")])


@pytest.mark.parametrize("value", [b"a\r\nX: b", b"a\nb", b"a\0b", b"a\rb"])
def test_a_field_cannot_break_out_of_its_line(value: bytes) -> None:
    with pytest.raises(ProxyError) as caught:
        emit_response_head(200, "OK", [(b"X", value)], chunked=False, drop_length=False, connection=None)
    assert caught.value.status == 502


def test_chunks() -> None:
    assert emit_chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert emit_chunk(b"abc", last=True) == b"3\r\nabc\r\n0\r\n\r\n"
    assert emit_chunk(b"", last=True) == b"0\r\n\r\n"
    assert emit_chunk(b"") == b""
