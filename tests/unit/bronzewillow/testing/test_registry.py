from __future__ import annotations

import aiohttp
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.registry import FakeRegistry, fake_registry

pytestmark = pytest.mark.loopback

# That it is a registry is shown by tests/contract/registry; here is what no registry should do.


async def status(registry: FakeRegistry, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{registry.url}{path}") as answer:
        await answer.read()
        return answer.status


def test_it_misbehaves_to_order() -> None:
    async def main() -> None:
        async with fake_registry() as registry:
            digest = registry.add_blob("a", b"x" * 200_000)
            path = f"/v2/a/blobs/{digest}"
            assert await status(registry, path) == 200
            assert registry.served[digest] == 200_000
            registry.faults.statuses = [503]
            assert await status(registry, path) == 503
            registry.faults.cuts, registry.faults.cut_after = 1, 100_000
            with pytest.raises(aiohttp.ClientError):
                await status(registry, path)
            assert await status(registry, path) == 200
            registry.auth = "basic"
            assert await status(registry, path) == 401

    run(main())
