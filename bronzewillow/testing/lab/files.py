"""A small HTTP file server for what goes through the opaque relay.

    python -m bronzewillow.testing.lab.files HOST:PORT|unix:PATH ...

GET /bytes/N answers with the first N bytes of `content`; PUT /sha256 answers with the digest of what it got;
GET /client says by which way a request came, and from whom the proxy says it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from collections.abc import Iterator, Sequence

from aiohttp import web

_BLOCK_BYTES = 1 << 20


def content(size: int, seed: int = 7) -> Iterator[bytes]:
    """`size` bytes in blocks, none like another."""
    block = random.Random(seed).randbytes(_BLOCK_BYTES)
    for number in range(-(-size // _BLOCK_BYTES)):
        stamped = number.to_bytes(8, "big") + block[8:]
        yield stamped[: min(_BLOCK_BYTES, size - number * _BLOCK_BYTES)]


def content_digest(size: int) -> str:
    """SHA-256 of `content`, in hexadecimal."""
    whole = hashlib.sha256()
    for block in content(size):
        whole.update(block)
    return whole.hexdigest()


async def _send(request: web.Request) -> web.StreamResponse:
    size = int(request.match_info["size"])
    response = web.StreamResponse(headers={"Content-Length": str(size)})
    await response.prepare(request)
    for block in content(size):
        await response.write(block)
    await response.write_eof()
    return response


async def _digest(request: web.Request) -> web.Response:
    whole = hashlib.sha256()
    async for block in request.content.iter_any():
        whole.update(block)
    return web.Response(text=whole.hexdigest())


async def _client(request: web.Request) -> web.Response:
    assert request.transport is not None
    way = request.transport.get_extra_info("sockname")
    client = request.headers.get("X-Forwarded-For") or request.remote or ""
    return web.json_response({"way": way if isinstance(way, str) else way[0], "client": client})


def make_app() -> web.Application:
    """The server's routes."""
    app = web.Application()
    app.router.add_get(r"/bytes/{size:\d+}", _send)
    app.router.add_put("/sha256", _digest)
    app.router.add_get("/client", _client)
    return app


async def _serve(places: Sequence[str]) -> None:
    runner = web.AppRunner(make_app(), access_log=None)
    await runner.setup()
    for place in places:
        if place.startswith("unix:"):
            await web.UnixSite(runner, place.removeprefix("unix:")).start()
        else:
            host, _, port = place.rpartition(":")
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    asyncio.run(_serve(sys.argv[1:]))


if __name__ == "__main__":
    main()
