from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runtime.content.errors import StoreError
from runtime.images.errors import UnservableImage
from runtime.images.manifest import Descriptor, Manifest, emit_manifest, our_platforms
from runtime.images.media_types import DOCKER_CONFIG, OCI_INDEX, OLLAMA_MODEL, OLLAMA_SYSTEM
from runtime.images.model_image import read_model_image
from runtime.images.reference import parse_reference
from runtime.registry.errors import BadAnswer, RegistryError
from runtime.registry.pull import pull

from .conftest import Bench, RunBench

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize("auth", ["none", "basic", "bearer"])
def test_an_image_is_whole_and_named(with_bench: RunBench, auth: str) -> None:
    async def main(bench: Bench) -> None:
        layers = bench.offer(b"weights", b"template", b"weights")
        found = await pull(bench.client, bench.store, bench.reference(), bench.told)
        assert bench.store.names.get(str(bench.reference())).digest == found.digest
        assert not bench.store.verify()
        assert bench.told.ends == {one.digest: "pulled" for one in layers}
        await pull(bench.client, bench.store, bench.reference(), bench.told)
        assert bench.told.ends == {one.digest: "exists" for one in layers}

    with_bench(main, auth=auth)


def test_an_index_is_followed_to_the_macs_image(with_bench: RunBench) -> None:
    def entry(bench: Bench, os: str, arch: str, digest: str) -> dict[str, object]:
        raw, kind = bench.registry.manifests["team/tiny", digest]
        platform = {"os": os, "architecture": arch}
        return {"mediaType": kind, "digest": digest, "size": len(raw), "platform": platform}

    async def main(bench: Bench) -> None:
        digests = []
        for weights in (b"amd", b"arm"):
            bench.offer(weights)
            digests.append((await bench.client.manifest(bench.reference())).digest)
        manifests = [entry(bench, "linux", "amd64", digests[0]), entry(bench, "linux", "arm64", digests[1])]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        bench.registry.add_manifest("team/tiny", "all", json.dumps(index).encode())
        found = await pull(bench.client, bench.store, bench.reference("team/tiny:all"))
        assert found.digest == digests[1]
        index["manifests"] = [entry(bench, "windows", "amd64", digests[0])]
        bench.registry.add_manifest("team/tiny", "all", json.dumps(index).encode())
        with pytest.raises(BadAnswer, match="only for: windows/amd64"):
            await pull(bench.client, bench.store, bench.reference("team/tiny:all"))

    with_bench(main)
    assert {one.architecture for one in our_platforms()} == {"arm64", "amd64"}


def test_what_is_not_wanted_is_not_fetched(with_bench: RunBench) -> None:
    def check(manifest: Manifest, config: bytes) -> None:
        assert config == b"{}"
        raise ZeroDivisionError

    async def main(bench: Bench) -> None:
        (layer,) = bench.offer(b"weights")
        with pytest.raises(ZeroDivisionError):
            await pull(bench.client, bench.store, bench.reference(), None, check)
        assert not bench.registry.served[layer.digest]
        assert not bench.store.names.all()

    with_bench(main)


def test_what_is_too_large_is_not_begun(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        (layer,) = bench.offer(b"weights")
        small = Descriptor(DOCKER_CONFIG, bench.registry.add_blob("team/tiny", b"{}"), 2)
        shards = [Descriptor(OLLAMA_MODEL, f"sha256:{number:064}", 1 << 50) for number in range(4)]
        for config, why in (
            (replace(small, size=1 << 40), "a configuration of 1,099,511,627,776"),
            (small, "image"),
        ):
            bench.registry.add_manifest("team/tiny", "v1", emit_manifest(config, [layer, *shards]))
            with pytest.raises((BadAnswer, StoreError), match=why) as raised:
                await pull(bench.client, bench.store, bench.reference())
            assert not bench.registry.served[layer.digest]
        assert "needs 4,503,599,627,370,503 bytes more" in str(raised.value)

    with_bench(main)


def test_a_text_that_is_none_is_refused_before_it_is_fetched(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        (layer,) = bench.offer(b"weights")
        config = Descriptor(DOCKER_CONFIG, bench.registry.add_blob("team/tiny", b"{}"), 2)
        system = Descriptor(OLLAMA_SYSTEM, layer.digest, 1 << 40)
        bench.registry.add_manifest("team/tiny", "v1", emit_manifest(config, [layer, system]))
        with pytest.raises(
            UnservableImage, match="has a system of 1,099,511,627,776 bytes, and 4,194,304 are"
        ):
            await pull(bench.client, bench.store, bench.reference(), None, check_image)
        assert not bench.registry.served[layer.digest]

    def check_image(manifest: Manifest, config: bytes) -> None:
        read_model_image(manifest, config)

    with_bench(main)


def test_a_local_name_has_no_registry(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        with pytest.raises(RegistryError, match=r"names no registry, such as registry\.example/tiny"):
            await pull(bench.client, bench.store, parse_reference("tiny"))

    with_bench(main)
