from __future__ import annotations

import hashlib
import io

import aiohttp
import pytest
from aiohttp import web

from bronzewillow.testing.aio import run
from bronzewillow.testing.lab.files import content, content_digest, make_app

MEGABYTE = 1 << 20


@pytest.mark.parametrize("size", [0, 1, MEGABYTE - 1, MEGABYTE, MEGABYTE + 1])
def test_content_has_the_size_asked_for(size: int) -> None:
    assert sum(map(len, content(size))) == size


def test_no_block_is_like_another() -> None:
    blocks = list(content(5 * MEGABYTE))
    assert len(set(blocks)) == 5


def test_the_digest_is_the_contents() -> None:
    whole = b"".join(content(2 * MEGABYTE + 7))
    assert content_digest(2 * MEGABYTE + 7) == hashlib.sha256(whole).hexdigest()


@pytest.mark.loopback
def test_the_server_gives_and_digests() -> None:
    async def main() -> None:
        runner = web.AppRunner(make_app())
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                body = await (await session.get(f"/bytes/{MEGABYTE + 5}")).read()
                assert hashlib.sha256(body).hexdigest() == content_digest(MEGABYTE + 5)
                answer = await session.put("/sha256", data=io.BytesIO(body))
                assert await answer.text() == content_digest(MEGABYTE + 5)
                forwarded = {"X-Forwarded-For": "10.244.1.11"}
                client = await (await session.get("/client", headers=forwarded)).json()
                assert client == {"way": "127.0.0.1", "client": "10.244.1.11"}
        finally:
            await runner.cleanup()

    run(main())
