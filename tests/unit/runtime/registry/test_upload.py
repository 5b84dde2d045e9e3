from __future__ import annotations

import os

import pytest

from bronzewillow.testing.registry import fake_registry
from runtime.images.digest import digest_of
from runtime.registry.errors import BadAnswer, RegistryError
from runtime.registry.upload import upload

from .conftest import Bench, RunBench

pytestmark = pytest.mark.loopback

DATA = os.urandom(1_500_000)
KEY = ("team/tiny", digest_of(DATA))


async def put(bench: Bench, mounts: tuple[str, ...] = (), chunk_bytes: int = 1 << 30) -> str:
    (blob,) = bench.make("team/tiny:v1", DATA)
    await upload(
        bench.client.target(bench.reference()), bench.store.blobs, blob, bench.told, mounts, chunk_bytes
    )
    assert bench.registry.blobs[KEY] == DATA
    return bench.told.ends[blob.digest]


@pytest.mark.parametrize("auth", ["none", "basic", "bearer"])
@pytest.mark.parametrize("chunk_bytes", [1 << 30, 400_000])
def test_a_blob_goes_once(with_bench: RunBench, auth: str, chunk_bytes: int) -> None:
    async def main(bench: Bench) -> None:
        assert await put(bench, (), chunk_bytes) == "pushed"
        assert bench.told.done[KEY[1]] == len(DATA)
        assert await put(bench, (), chunk_bytes) == "exists"
        patches = [method for method, _ in bench.registry.requests].count("PATCH")
        assert patches == (4 if chunk_bytes == 400_000 else 0)

    with_bench(main, auth=auth)


@pytest.mark.parametrize("chunk_bytes", [1 << 30, 400_000])
def test_broken_uploads_go_on(with_bench: RunBench, chunk_bytes: int) -> None:
    async def main(bench: Bench) -> None:
        bench.registry.faults.upload_cuts = 2
        assert await put(bench, (), chunk_bytes) == "pushed"
        assert bench.told.done[KEY[1]] == len(DATA)

    with_bench(main, tries=5)


def test_a_registry_that_always_breaks_is_given_up(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.registry.faults.upload_cuts = 1000
        with pytest.raises(RegistryError) as raised:
            await put(bench)
        assert "\n" not in str(raised.value)

    with_bench(main, tries=2)


def test_a_mount_saves_the_bytes(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.registry.add_blob("team/other", DATA)
        assert await put(bench, ("team/none", "team/other")) == "mounted"

    with_bench(main, auth="bearer")


def test_a_mount_that_is_refused_costs_an_upload(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.registry.faults.no_mount = True
        assert await put(bench, ("team/other",)) == "pushed"
        assert not bench.registry._uploads

    with_bench(main)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://[x", "ftp://a.example/", "http://127.0.0.1:1/"]
)
def test_places_that_a_registry_makes_up_are_refused(with_bench: RunBench, location: str) -> None:
    async def main(bench: Bench) -> None:
        bench.registry.faults.location = location
        with pytest.raises(RegistryError) as raised:
            await put(bench)
        assert "\n" not in str(raised.value)

    with_bench(main, auth="basic", tries=2)


def test_the_password_goes_to_the_registry_alone(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        async with fake_registry() as other:
            bench.registry.faults.location = f"{other.url}/v2/team/tiny/blobs/uploads/x"
            with pytest.raises(RegistryError):
                await put(bench)
            assert other.requests
            assert not any(other.authorizations)

    with_bench(main, auth="basic", tries=2)


def test_a_registry_that_got_other_bytes_says_so(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        (blob,) = bench.make("team/tiny:v1", DATA)
        path = bench.store.blobs.path(blob.digest)
        path.chmod(0o600)
        path.write_bytes(b"x" * len(DATA))
        with pytest.raises(BadAnswer, match="DIGEST_INVALID"):
            await upload(bench.client.target(bench.reference()), bench.store.blobs, blob, bench.told)

    with_bench(main)
