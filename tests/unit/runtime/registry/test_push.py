from __future__ import annotations

import pytest

from runtime.content.errors import CorruptBlob, UnknownName
from runtime.images.reference import parse_reference
from runtime.registry.errors import RegistryError
from runtime.registry.pull import pull
from runtime.registry.push import push

from .conftest import Bench, RunBench

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize("auth", ["none", "basic", "bearer"])
def test_what_is_pushed_is_pulled(with_bench: RunBench, auth: str) -> None:
    async def main(bench: Bench) -> None:
        layers = bench.make("team/tiny:v1", b"weights", b"template")
        digest = await push(bench.client, bench.store, bench.reference(), bench.told)
        assert {bench.told.ends[one.digest] for one in layers} == {"pushed"}
        bench.store.names.remove(str(bench.reference()))
        bench.store.prune(0)
        assert not list(bench.store.blobs)
        assert (await pull(bench.client, bench.store, bench.reference())).digest == digest
        assert not bench.store.verify()

    with_bench(main, auth=auth)


def test_what_another_repository_has_is_mounted(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        (layer,) = bench.make("team/tiny:v1", b"weights")
        await push(bench.client, bench.store, bench.reference())
        bench.make("team/second:v1", b"weights")
        await push(bench.client, bench.store, bench.reference("team/second:v1"), bench.told)
        assert bench.told.ends[layer.digest] == "mounted"

    with_bench(main, auth="bearer")


def test_another_image_that_is_broken_is_in_nobodys_way(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.make("team/other:v1", b"weights", b"others")
        path = bench.store.blobs.path(bench.store.names.get(str(bench.reference("team/other:v1"))).digest)
        path.chmod(0o600)
        path.write_bytes(b"{}")
        bench.make("team/tiny:v1", b"weights")
        await push(bench.client, bench.store, bench.reference())

    with_bench(main)


def test_a_blob_that_rotted_here_is_found_when_the_registry_refuses_it(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        (layer,) = bench.make("team/tiny:v1", b"weights")
        path = bench.store.blobs.path(layer.digest)
        path.chmod(0o600)
        path.write_bytes(b"weight!")
        with pytest.raises(CorruptBlob, match="was put aside"):
            await push(bench.client, bench.store, bench.reference())
        assert not bench.store.blobs.has(layer.digest)

    with_bench(main)


def test_what_cannot_be_pushed(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        with pytest.raises(RegistryError, match="tag it first"):
            await push(bench.client, bench.store, parse_reference("tiny"))
        with pytest.raises(UnknownName):
            await push(bench.client, bench.store, bench.reference())

    with_bench(main)
