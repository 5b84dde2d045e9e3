from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bronzewillow.testing.ports import free_tcp_port
from runtime.images.digest import digest_of
from runtime.images.manifest import Manifest, parse_manifest
from runtime.registry.errors import BadAnswer, NotThere

from .conftest import Bench, RunBench

pytestmark = pytest.mark.loopback


def test_manifests_by_tag_and_by_digest(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        one = await bench.client.manifest(bench.reference())
        by_digest = replace(bench.reference(), tag=None, digest=one.digest)
        assert await bench.client.manifest(by_digest) == one
        with pytest.raises(NotThere, match="MANIFEST_UNKNOWN"):
            await bench.client.manifest(bench.reference("team/tiny:v2"))

    with_bench(main)


def test_a_manifest_of_another_digest_is_refused(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        wrong = digest_of(b"")
        bench.registry.manifests["team/tiny", wrong] = bench.registry.manifests["team/tiny", "v1"]
        with pytest.raises(BadAnswer, match=f"not {wrong}"):
            await bench.client.manifest(replace(bench.reference(), digest=wrong))

    with_bench(main)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{}", "schemaVersion"),
        (b'{"schemaVersion":2,"x":"' + b"x" * (5 << 20) + b'"}', "more than 4,194,304 bytes"),
    ],
)
def test_what_is_no_manifest(with_bench: RunBench, raw: bytes, why: str) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        kind = bench.registry.manifests["team/tiny", "v1"][1]
        bench.registry.manifests["team/tiny", "v1"] = raw, kind
        with pytest.raises(BadAnswer, match=why):
            await bench.client.manifest(bench.reference())

    with_bench(main)


def test_manifests_are_put_and_deleted(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        one = await bench.client.manifest(bench.reference())
        assert isinstance(one, Manifest)
        for number in range(5):
            await bench.client.put_manifest(bench.reference(f"team/tiny:w{number}"), one)
        bench.registry.faults.pages = 2
        assert await bench.client.tags(bench.reference()) == ["v1", "w0", "w1", "w2", "w3", "w4"]
        assert await bench.client.delete_manifest(bench.reference()) == one.digest
        with pytest.raises(NotThere):
            await bench.client.tags(bench.reference())

    with_bench(main, auth="bearer")


def test_pages_that_go_round_end(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        one = await bench.client.manifest(bench.reference())
        assert isinstance(one, Manifest)
        await bench.client.put_manifest(bench.reference("team/tiny:w"), one)
        bench.registry.faults.pages, bench.registry.faults.is_round = 1, True
        assert set(await bench.client.tags(bench.reference())) == {"v1", "w"}

    with_bench(main)


def test_bytes_go_as_they_are(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        layers = bench.offer(b"weights")
        raw = bench.registry.manifests["team/tiny", "v1"][0].replace(b",", b" , ")
        one = parse_manifest(raw)
        assert isinstance(one, Manifest)
        assert one.layers == tuple(layers)
        await bench.client.put_manifest(bench.reference("team/tiny:v2"), one)
        assert bench.registry.manifests["team/tiny", "v2"][0] == raw
        assert json.loads(raw)["layers"]

    with_bench(main)


@pytest.mark.parametrize("auth", ["none", "basic", "bearer"])
def test_no_proxy_and_no_other_password_for_this_machine(
    with_bench: RunBench, auth: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_tcp_port()}")  # where nobody is
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("default login anonymous password user@site\n")

    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        await bench.client.manifest(bench.reference())
        assert not any("YW5vbnltb3Vz" in one for one in bench.registry.authorizations)

    with_bench(main, auth=auth)
