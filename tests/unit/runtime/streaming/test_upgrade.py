from __future__ import annotations

from http import HTTPStatus

import pytest

from runtime.streaming.upgrade import Handshake, Refused, UpgradeRequest, Wire, choose

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of RFC 6455 1.3
SPDY = "POST /exec/t?x=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
WEBSOCKET = (
    "GET /exec/t HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Version: 13\r\n"
)


def test_spdy() -> None:
    handshake = Handshake()
    offers = (
        "X-Stream-Protocol-Version: v5.channel.k8s.io, v4.channel.k8s.io\r\nX-Stream-Protocol-Version: v3\r\n"
    )
    assert handshake.receive(SPDY.encode()) is None
    request = handshake.receive(f"{offers}\r\nbehind".encode())
    offered = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3")
    assert request == UpgradeRequest("/exec/t", Wire.SPDY, offered)
    answer = handshake.accept(request, "v4.channel.k8s.io").decode()
    assert answer.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "Upgrade: SPDY/3.1\r\n" in answer and "Connection: Upgrade\r\n" in answer
    assert "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n" in answer
    assert handshake.rest == b"behind"


def test_websocket() -> None:
    handshake = Handshake()
    offers = f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"
    request = handshake.receive((WEBSOCKET + offers).encode())
    assert request is not None and request.wire is Wire.WEBSOCKET
    answer = handshake.accept(request, "v5.channel.k8s.io").decode()
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer  # RFC 6455 1.3
    assert "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n" in answer
    without = Handshake()
    bare = without.receive((WEBSOCKET + f"Sec-WebSocket-Key: {KEY}\r\n\r\n").encode())
    assert bare is not None and b"Sec-WebSocket-Protocol" not in without.accept(bare, "")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (SPDY.replace("SPDY/3.1", "h2c") + "\r\n", 400),
        (SPDY + "Content-Length: 3\r\n\r\nabc", 400),
        (WEBSOCKET + "\r\n", 400),
        (WEBSOCKET + "Sec-WebSocket-Key: short\r\n\r\n", 400),
        (WEBSOCKET.replace("13", "8") + f"Sec-WebSocket-Key: {KEY}\r\n\r\n", 426),
        (WEBSOCKET.replace("GET", "POST") + f"Sec-WebSocket-Key: {KEY}\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nX: " + "x" * 20_000, 431),
        ("\x16\x03\x01 TLS\r\n\r\n", 400),
    ],
)
def test_what_is_refused(request_text: str, status: int) -> None:
    handshake = Handshake()
    with pytest.raises(Refused) as raised:
        handshake.receive(request_text.encode("latin-1"))
    assert raised.value.status == status and "\n" not in str(raised.value)
    answer = handshake.refuse(raised.value)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) and answer.endswith(b"\n")


def test_a_client_that_leaves_in_the_middle() -> None:
    handshake = Handshake()
    handshake.receive(SPDY.encode())
    with pytest.raises(Refused):
        handshake.receive(b"")


def test_the_first_choice_that_is_served() -> None:
    request = UpgradeRequest("/", Wire.SPDY, ("v9", "v4", "v5"))
    assert choose(request, ("v5", "v4"), "v1") == "v4"
    assert choose(UpgradeRequest("/", Wire.SPDY, ()), ("v5", "v4"), "v1") == "v1"
    with pytest.raises(Refused) as raised:
        choose(request, ("v3", ""), "v1")
    assert raised.value.status is HTTPStatus.FORBIDDEN
    assert raised.value.headers == {"X-Accepted-Stream-Protocol-Versions": "v3"}
