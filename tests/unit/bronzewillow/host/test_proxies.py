"""Which proxy the environment names."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from bronzewillow.host.proxies import NoHttpProxy, environment_proxy, is_this_machine
from bronzewillow.testing.aio import run

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)  # where it is, HTTP_PROXY may be a stranger's header
    monkeypatch.setenv("no_proxy", "near.example")  # with one variable macOS' own settings are not looked at


def found(url: str) -> URL | None:
    return run(environment_proxy(URL(url)))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"])
def test_this_machine_is_asked_directly(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, PROXY)
    for scheme in ("http", "https"):
        assert found(f"{scheme}://{host}/v2/") is None
        assert found(f"{scheme}://far.example/v2/") == URL(PROXY)


def test_each_scheme_has_its_own_and_some_hosts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", PROXY)
    assert found("http://far.example/") is None
    assert found("https://near.example/") is None
    assert found("https://far.example/") == URL(PROXY)


def test_a_proxy_without_a_scheme_is_an_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert found("https://far.example/") == URL(PROXY)


@pytest.mark.parametrize(
    "text", ["socks5://me:secret@proxy.example:1080", "https://proxy.example", "http://", "http://[::1"]
)
def test_what_is_no_http_proxy_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", text)
    with pytest.raises(NoHttpProxy, match=r"^https_proxy of the environment.* is no HTTP proxy") as raised:
        found("https://far.example/")
    assert "secret" not in str(raised.value)


@pytest.mark.loopback
def test_name_and_password_go_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def proxy(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("Proxy-Authorization", ""))

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", proxy)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{server.port}")
            url = URL("http://far.example/")
            async with session.get(url, proxy=await environment_proxy(url)) as answer:
                assert await answer.text() == aiohttp.encode_basic_auth("me", "p@ss")

    run(main())


@pytest.mark.parametrize(
    ("host", "is_here"), [("localhost", True), ("::1", True), ("10.0.0.1", False), ("", False)]
)
def test_this_machine(host: str, is_here: bool) -> None:
    assert is_this_machine(host) == is_here
