from __future__ import annotations

import pytest

from bronzewillow.testing import aio
from bronzewillow.testing.loopback import Wire
from bronzewillow.testing.proxied import proxied


@pytest.mark.loopback
def test_the_rig_stands_and_leaves_nothing_open() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        await wire.rest()

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await client.response()).status == 204
            assert rig.sample("bronzewillow_http_requests_total", status="204") == 1
        assert (rig.proxy.connections, rig.proxy.pool.connections) == (0, 0)

    aio.run(main())
