from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from bronzewillow.kube.access import Cluster
from bronzewillow.testing.aio import run
from kubelet.certificates.discovery import Patience, discover
from kubelet.certificates.errors import (
    FailedPrecondition,
    IdentityError,
    InvalidArgument,
    NotTrusted,
    Unavailable,
)
from kubelet.certificates.pins import pin_of
from kubelet.certificates.token import BootstrapToken
from kubelet.testing.detached import sign_detached

from .conftest import Authority, https_server

pytestmark = pytest.mark.loopback
TOKEN = BootstrapToken("abcdef", "0123456789abcdef")
AT_ONCE = Patience(timeout_s=0.0, interval_s=0.0)
LONG = Patience(timeout_s=10.0, interval_s=0.0)


def config_map(server: str, ca_pem: bytes, token: BootstrapToken = TOKEN) -> dict[str, Any]:
    data = base64.b64encode(ca_pem).decode()
    text = f"clusters: [{{name: '', cluster: {{server: '{server}', certificate-authority-data: {data}}}}}]"
    signature = sign_detached(text.encode(), token)
    return {"data": {"kubeconfig": text, f"jws-kubeconfig-{token.id}": signature}}


def discovered(
    authority: Authority,
    answer: Callable[[str], object],
    pins: set[bytes] | None = None,
    patience: Patience = AT_ONCE,
    warn: Callable[[str], None] = lambda line: None,
) -> tuple[str, Cluster]:
    """What the server is, and what was found."""

    async def main() -> tuple[str, Cluster]:
        async with https_server(authority, lambda: answer(url)) as url:
            expected = {pin_of(authority.certificate)} if pins is None else pins
            return url, await discover(url, TOKEN, expected, patience, warn)

    return run(main())


def refusal(
    authority: Authority, answer: Callable[[str], object], pins: set[bytes] | None = None
) -> IdentityError:
    with pytest.raises(IdentityError) as caught:
        discovered(authority, answer, pins)
    assert TOKEN.secret not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_cluster_is_found_and_proven(authority: Authority) -> None:
    url, cluster = discovered(authority, lambda url: config_map(url, authority.pem))
    assert cluster == Cluster(url, authority.pem)


def test_a_pin_is_not_asked_for_where_none_is_given(authority: Authority) -> None:
    url, cluster = discovered(authority, lambda url: config_map(url, authority.pem), pins=set())
    assert cluster == Cluster(url, authority.pem)


def test_an_address_that_does_not_answer_here_is_not_taken(authority: Authority) -> None:
    url, cluster = discovered(authority, lambda url: config_map("https://127.0.0.1:1", authority.pem))
    assert cluster.server == url


def test_a_signature_that_comes_later_is_waited_for(authority: Authority) -> None:
    answers: list[int] = []
    warned: list[str] = []

    def answer(url: str) -> object:
        answers.append(1)
        whole = config_map(url, authority.pem)
        if len(answers) < 3:
            del whole["data"]["jws-kubeconfig-abcdef"]
        return whole

    url, _ = discovered(authority, answer, patience=LONG, warn=warned.append)
    assert len(answers) == 4  # one more, verified
    assert warned == [f"waiting for {url}: it has not signed for the token abcdef yet"]


def test_each_cause_of_waiting_is_told_once(authority: Authority) -> None:
    troubles = iter([503, 503, 502, 503])
    warned: list[str] = []

    def answer(url: str) -> object:
        status = next(troubles, 200)
        message = {"message": f"is {status}"}
        whole = config_map(url, authority.pem)
        return whole if status == 200 else web.json_response(message, status=status)

    url, _ = discovered(authority, answer, patience=LONG, warn=warned.append)
    assert warned == [f"waiting for {url}: is 503", f"waiting for {url}: is 502"]


def test_a_token_that_is_not_known_is_told_with_its_cure(authority: Authority) -> None:
    def answer(url: str) -> object:
        return config_map(url, authority.pem, BootstrapToken("fedcba", TOKEN.secret))

    found = refusal(authority, answer)
    assert "the token abcdef is not known or has expired" in str(found)
    assert "kubeadm token create" in str(found)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.9\r\n"])
def test_what_speaks_no_tls_is_not_waited_for(greeting: bytes) -> None:
    connections: list[int] = []

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writer.write(greeting)
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(FailedPrecondition, match=f":{port}: what answers there speaks no TLS; check"):
                await discover(f"https://127.0.0.1:{port}", TOKEN, (), LONG)

    run(main())
    assert connections == [1]


def test_a_wrong_secret_is_not_trusted(authority: Authority) -> None:
    other = BootstrapToken("abcdef", "f" * 16)
    found = refusal(authority, lambda url: config_map(url, authority.pem, other))
    assert isinstance(found, NotTrusted)


def test_another_authority_than_the_pinned_one_is_not_trusted(
    authority: Authority, another_authority: Authority
) -> None:
    found = refusal(
        authority, lambda url: config_map(url, authority.pem), {pin_of(another_authority.certificate)}
    )
    assert isinstance(found, NotTrusted)
    assert f"sha256:{pin_of(authority.certificate).hex()}" in str(found)


def test_who_knows_the_token_and_adds_an_authority_of_their_own_is_not_trusted(
    authority: Authority, another_authority: Authority
) -> None:
    # the pinned authority is in the bundle, but it is not the one that vouches for this server
    bundle = authority.pem + another_authority.pem
    found = refusal(another_authority, lambda url: config_map(url, bundle), {pin_of(authority.certificate)})
    assert isinstance(found, NotTrusted)


def test_an_answer_that_changes_once_it_is_verified_is_not_trusted(authority: Authority) -> None:
    answers: list[int] = []

    def answer(url: str) -> object:
        answers.append(1)
        return config_map(url + "/" * len(answers), authority.pem)

    assert "not the same" in str(refusal(authority, answer))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_cluster_without_cluster_info_is_named_as_such(authority: Authority, status: int) -> None:
    found = refusal(authority, lambda url: web.json_response({}, status=status))
    assert isinstance(found, FailedPrecondition)
    assert "--kubeconfig" in str(found)


def test_what_is_no_api_server_is_named_as_such(authority: Authority) -> None:
    found = refusal(authority, lambda url: web.Response(text="<html>"))
    assert isinstance(found, Unavailable)
    assert isinstance(refusal(authority, lambda url: {}), InvalidArgument)


def test_nobody_at_the_address(authority: Authority) -> None:
    url, warned = "https://127.0.0.1:1", list[str]()
    with pytest.raises(Unavailable, match=f"{url}: Connection refused; check the address, and that its port"):
        run(discover(url, TOKEN, (), Patience(timeout_s=2, interval_s=0.01), warned.append))
    assert warned == [f"waiting for {url}: Connection refused"]
