"""A small HTTP file server for what goes through the opaque relay.

    python -m bronzewillow.testing.lab.files HOST:PORT

GET /bytes/N answers with the first N bytes of `content`; PUT /sha256 answers with the digest of what it got.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from collections.abc import Iterator

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


def make_app() -> web.Application:
    """The server's routes."""
    app = web.Application()
    app.router.add_get(r"/bytes/{size:\d+}", _send)
    app.router.add_put("/sha256", _digest)
    return app


async def _serve(host: str, port: int) -> None:
    runner = web.AppRunner(make_app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    host, _, port = sys.argv[1].rpartition(":")
    asyncio.run(_serve(host, int(port)))


if __name__ == "__main__":
    main()
