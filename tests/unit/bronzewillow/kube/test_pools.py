from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientProxyConnectionError, web
from aiohttp.test_utils import TestServer

from bronzewillow.kube.access import Cluster, Presented
from bronzewillow.kube.pools import Pool
from bronzewillow.testing.aio import run
from bronzewillow.testing.ports import free_tcp_port

pytestmark = pytest.mark.loopback


async def _answer(request: web.Request) -> web.Response:
    return web.Response(text="ok")


def test_a_retired_pool_closes_behind_its_last_request() -> None:
    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", _answer)
        async with TestServer(app) as server:
            url = str(server.make_url("/"))
            pool = Pool(Cluster(url), Presented())
            async with pool.request("GET", url) as first:
                await pool.retire()
                assert not pool.is_closed
                assert await first.text() == "ok"
            assert pool.is_closed

    run(main())


def test_an_idle_pool_closes_at_once() -> None:
    async def main() -> None:
        pool = Pool(Cluster("https://a"), Presented())
        await pool.retire()
        assert pool.is_closed

    run(main())


def test_an_answer_that_is_left_takes_its_connection_with_it() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b"x")
        await asyncio.Event().wait()
        return stream

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", endless)
        async with TestServer(app) as server:
            url = str(server.make_url("/"))
            pool = Pool(Cluster(url), Presented())
            async with pool.request("GET", url, is_watch=True) as answer:
                assert await answer.content.read(1) == b"x"
                assert answer.connection is not None
                transport = answer.connection.transport
            assert transport is not None
            assert transport.is_closing()
            await pool.close()

    run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_asked_for_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_tcp_port()}")  # where nobody is

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", _answer)
        async with TestServer(app) as server:
            url = f"http://{host}:{server.port}/"
            pool = Pool(Cluster(url), Presented())
            async with pool.request("GET", url) as answer:
                assert await answer.text() == "ok"
            await pool.close()
            pool = Pool(Cluster("http://api.example"), Presented())
            with pytest.raises(ClientProxyConnectionError):
                async with pool.request("GET", "http://api.example/"):
                    pass
            await pool.close()

    run(main())


def test_a_token_goes_alone_whatever_passwords_the_user_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("default login anonymous password user@site\n")

    async def told(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["Authorization"])

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", told)
        async with TestServer(app) as server:
            monkeypatch.setenv("http_proxy", str(server.make_url("")))
            pool = Pool(Cluster("http://api.example"), Presented())
            headers = {"Authorization": "Bearer t"}
            async with pool.request("GET", "http://api.example/", headers=headers) as answer:
                assert await answer.text() == "Bearer t"
            await pool.close()

    run(main())
