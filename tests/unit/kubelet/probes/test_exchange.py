"""One GET: what is said, and what is made of whatever comes."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.testing.aio import run
from kubelet.probes.door import DialError
from kubelet.probes.exchange import LONGEST_BODY, Answer, Exchange, ExchangeError, get_request


def told(*parts: bytes, ends: bool = True) -> Answer | str:
    """The answer, or why there is none; the connection ends behind it."""

    async def main() -> Answer | str:
        exchange = Exchange()
        for part in parts:
            exchange.data_received(part)
        if ends:
            exchange.connection_lost(None)
        assert exchange.answer.done() is True
        try:
            return await exchange.answer
        except ExchangeError as error:
            return str(error)

    return run(main())


def test_what_is_said() -> None:
    said = get_request(
        "/health?a=b",
        (
            ("Host", "10.0.0.1:80"),
            ("Connection", "close"),
        ),
    )
    assert said == b"GET /health?a=b HTTP/1.1\r\nHost: 10.0.0.1:80\r\nConnection: close\r\n\r\n"


def test_what_cannot_be_said() -> None:
    with pytest.raises(ExchangeError, match="invalid header field value for 'X'"):
        get_request(
            "/",
            (
                ("Host", "a"),
                ("X", "a\r\nb: c"),
            ),
        )
    with pytest.raises(ExchangeError, match="invalid header field name 'X y'"):
        get_request("/", (("X y", "a"),))


def test_a_pod_that_is_not_reached() -> None:
    async def main() -> None:
        exchange = Exchange()
        exchange.connection_lost(DialError("no route to host"))
        exchange.connection_lost(None)
        with pytest.raises(DialError, match="no route to host"):
            await exchange.answer

    run(main())


def test_an_answer_is_one_before_the_connection_ends() -> None:
    answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 7\r\nLocation: /x\r\n\r\nloading"
    assert told(answer, ends=False) == Answer(503, b"loading", "/x")
    assert told(answer + b"HTTP/1.1 200 OK\r\n\r\n", b"more", ends=False) == Answer(503, b"loading", "/x")


def test_bodies_of_every_kind() -> None:
    assert told(b"HTTP/1.1 204 No Content\r\n\r\n", ends=False) == Answer(204, b"")
    assert told(b"HTTP/1.0 200 OK\r\n\r\nuntil ", b"the end") == Answer(200, b"until the end")
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    assert told(chunked, ends=False) == Answer(200, b"ok")


def test_a_body_without_end_is_read_in_part() -> None:
    found = told(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 4096] * 3, ends=False)
    assert found == Answer(200, b"x" * LONGEST_BODY)


def test_what_comes_before_the_answer_is_passed_over() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert told(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ends=False) == Answer(200, b"")


def test_an_upgrade_that_was_asked_for() -> None:
    async def main() -> Answer:
        exchange = Exchange()
        exchange.data_received(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        )
        return await exchange.answer

    assert run(main()) == Answer(101, b"")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "EOF"),
        (b"HTTP/1.1 20", "unexpected EOF"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "unexpected EOF"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort", "unexpected EOF"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "unexpected EOF"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "malformed HTTP response: Expected HTTP/"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "malformed HTTP response: Invalid character"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "net/http: server response headers exceeded 65536"),
    ],
)
def test_what_is_no_answer(said: bytes, words: str) -> None:
    found = told(said)
    assert isinstance(found, str)
    assert found.startswith(words), found


def test_nobody_misses_the_answer_to_what_was_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        exchange = Exchange()
        exchange.connection_lost(None)
        assert exchange.answer.done()
        del exchange
        gc.collect()

    run(main())
    assert not caplog.records


@given(st.lists(st.binary(max_size=40), max_size=6), st.booleans())
def test_nothing_that_comes_raises(parts: list[bytes], is_http: bool) -> None:
    told(*([b"HTTP/1.1 200 OK\r\n"] if is_http else []), *parts)
