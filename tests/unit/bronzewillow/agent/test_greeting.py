"""What programs say first: CONNECT, a plain request, SOCKS 5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.agent.greeting import Destination, Greeting, Unacceptable


def heard(*pieces: bytes) -> Destination:
    greeting = Greeting()
    found = None
    for piece in pieces:
        assert found is None
        found = greeting.receive(piece)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("10.244.7.10:8080", "10.244.7.10", 8080),
        ("llm.default.svc.cluster.local:80", "llm.default.svc.cluster.local", 80),
        ("[fd00::7]:443", "fd00::7", 443),
    ],
)
def test_connect(target: str, host: str, port: int) -> None:
    found = heard(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\nearly".encode())
    assert (found.host, found.port, found.first_words) == (host, port, b"early")
    assert found.welcome.startswith(b"HTTP/1.1 200 ")
    assert found.refusal(502, "connection refused").startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


def test_a_plain_request_becomes_its_origins() -> None:
    found = heard(
        b"POST http://llm.default:8080/v1/models?x=1 HTTP/1.1\r\nHost: llm.default:8080\r\n",
        b"Proxy-Connection: keep-alive\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
    )
    assert (found.host, found.port, found.welcome) == ("llm.default", 8080, b"")
    assert found.first_words == (
        b"POST /v1/models?x=1 HTTP/1.1\r\nHost: llm.default:8080\r\nContent-Length: 2\r\n"
        b"Connection: close\r\n\r\nhi"
    )
    assert heard(b"GET http://llm.default HTTP/1.1\r\n\r\n").first_words.startswith(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (b"\x01\x0a\xf4\x07\x0a", "10.244.7.10"),
        (b"\x03\x0bllm.default", "llm.default"),
        (b"\x04" + bytes.fromhex("fd000000000000000000000000000007"), "fd00::7"),
    ],
)
def test_socks(address: bytes, host: str) -> None:
    greeting = Greeting()
    assert greeting.receive(b"\x05\x02\x00\x01") is None
    assert bytes(greeting.replies) == b"\x05\x00"
    greeting.replies.clear()
    found = greeting.receive(b"\x05\x01\x00" + address + b"\x1f\x90early")
    assert found is not None
    assert (found.host, found.port, found.first_words) == (host, 8080, b"early")
    assert found.welcome == b"\x05\x00\x00\x01" + bytes(6)
    assert found.refusal(502, "connection refused")[1] == 5
    assert found.refusal(504, "connection timed out")[1] == 4
    assert found.refusal(503, "no endpoint")[1] == 1
    assert found.refusal(403, "a policy")[1] == found.refusal(407, "who are you")[1] == 2
    assert found.credentials is None


@pytest.mark.parametrize("cut", [1, 2, 5, 9, 100])
def test_socks_with_a_password(cut: int) -> None:
    """RFC 1929."""
    greeting = Greeting()
    assert greeting.receive(b"\x05\x02\x00\x02") is None
    assert bytes(greeting.replies) == b"\x05\x02"
    said = b"\x01\x04tiny\x06secret" + b"\x05\x01\x00\x01\x0a\xf4\x07\x0a\x1f\x90"
    found = None
    for at in range(0, len(said), cut):
        found = greeting.receive(said[at : at + cut])
    assert found is not None
    assert found.credentials == ("tiny", "secret")
    assert bytes(greeting.replies) == b"\x05\x02\x01\x00"
    assert "secret" not in repr(found)


def test_socks_with_a_password_of_another_version() -> None:
    with pytest.raises(Unacceptable) as caught:
        heard(b"\x05\x01\x02\x02\x01a\x01b")
    assert caught.value.answer == b"\x01\x01"


def test_socks_with_an_empty_password_is_socks_without() -> None:
    assert heard(b"\x05\x01\x02\x01\x00\x00\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50").credentials is None


@pytest.mark.parametrize(
    ("field", "credentials"),
    [
        ("Basic dGlueTpzZWM6cmV0", ("tiny", "sec:ret")),
        ("basic   dGlueTo=", ("tiny", "")),
        ("Basic not-base64", ("", "")),
        ("Bearer dGlueTpzZWM6cmV0", ("", "")),
        ("", ("", "")),
    ],
)
def test_http_with_a_password(field: str, credentials: tuple[str, str]) -> None:
    """RFC 7617; for us alone: the destination does not get it."""
    for line in ("CONNECT llm.default:80", "GET http://llm.default/"):
        found = heard(f"{line} HTTP/1.1\r\nProxy-Authorization: {field}\r\n\r\n".encode())
        assert found.credentials == credentials
        assert b"uthorization" not in found.first_words


def test_who_must_say_a_password_is_told_how() -> None:
    answer = heard(b"CONNECT llm.default:80 HTTP/1.1\r\n\r\n").refusal(407, "who are you?")
    assert answer.startswith(b"HTTP/1.1 407 Proxy Authentication Required\r\n")
    assert b"\r\nProxy-Authenticate: Basic " in answer


def test_socks_all_at_once() -> None:
    assert heard(b"\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50").port == 80


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"CONNECT 10.244.7:80 HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"CONNECT host:0 HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET http://user@host/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET http://host:99999/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET https://host/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"x" * 20_000, b"HTTP/1.1 400 "),
        (b"\x05\x01\x01", b"\x05\xff"),
        (b"\x05\x01\x00\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x50", b"\x05\x07"),
        (b"\x05\x01\x00\x05\x01\x00\x09\x0a\x00\x00\x01\x00\x50", b"\x05\x08"),
        (b"\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x00", b"\x05\x04"),
    ],
)
def test_what_is_not_spoken_here(said: bytes, answer: bytes) -> None:
    with pytest.raises(Unacceptable) as caught:
        heard(said)
    assert caught.value.answer.startswith(answer)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_are_a_destination_or_refused_or_unfinished(pieces: list[bytes]) -> None:
    greeting = Greeting()
    try:
        for piece in pieces:
            if greeting.receive(piece) is not None:
                break
    except Unacceptable as unacceptable:
        assert unacceptable.answer


@given(st.integers(1, 30))
def test_pieces_do_not_matter(size: int) -> None:
    said = b"\x05\x01\x00\x05\x01\x00\x03\x0bllm.default\x00\x50rest"
    greeting = Greeting()
    found, at = None, 0
    while found is None:
        found = greeting.receive(said[at : at + size])
        at += size
    assert (found.host, found.port, found.first_words + said[at:]) == ("llm.default", 80, b"rest")
