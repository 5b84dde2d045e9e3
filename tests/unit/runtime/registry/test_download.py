from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import until
from runtime.content.ingest import Ingest
from runtime.images.digest import digest_of
from runtime.images.manifest import Descriptor
from runtime.registry import download as module
from runtime.registry.download import download
from runtime.registry.errors import BadAnswer, NotThere, Unreachable

from .conftest import Bench, RunBench, bench

pytestmark = pytest.mark.loopback

DATA = os.urandom(3_300_000)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 500_000)
    monkeypatch.setattr(module, "WINDOW", 1_000_000)
    monkeypatch.setattr(module, "_BLOCK", 100_000)


async def get(bench: Bench, blob: Descriptor, readers: int = 4) -> None:
    await download(bench.client.source(bench.reference()), bench.store.blobs, blob, bench.told, readers)


def runs(with_bench: RunBench, main: Callable[[Bench, Descriptor], Awaitable[None]], tries: int = 3) -> None:
    async def inside(bench: Bench) -> None:
        (blob,) = bench.offer(DATA)
        await main(bench, blob)

    with_bench(inside, tries=tries)


@pytest.mark.parametrize("readers", [1, 2, 8])
def test_ranges_make_the_blob_and_come_once(with_bench: RunBench, readers: int) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        await get(bench, blob, readers)
        bench.store.blobs.check(blob.digest)
        assert bench.registry.served[blob.digest] == len(DATA)
        assert len(bench.registry.requests) == 7
        assert bench.told.done == {blob.digest: len(DATA)}
        assert bench.told.ends == {blob.digest: "pulled"}
        await get(bench, blob, readers)
        assert len(bench.registry.requests) == 7
        assert bench.told.ends == {blob.digest: "exists"}

    runs(with_bench, main)


def test_nothing_is_a_blob_too(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        (blob,) = bench.offer(b"")
        await get(bench, blob)
        assert bench.store.blobs.read(blob.digest, 1) == b""

    with_bench(main)


def test_broken_connections_cost_nothing_that_has_come(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        bench.registry.faults.cuts, bench.registry.faults.cut_after = 5, 300_000
        await get(bench, blob)
        bench.store.blobs.check(blob.digest)
        assert bench.registry.served[blob.digest] < len(DATA) + 5 * 300_000

    runs(with_bench, main, tries=9)


def test_a_line_that_never_holds_for_a_block_gets_there_too(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        bench.registry.faults.cut_after, bench.registry.faults.cuts = (
            1,
            30,
        )  # one send of 64 KiB, then no more
        await get(bench, blob)
        assert bench.registry.served[blob.digest] < 1.2 * len(DATA)

    runs(with_bench, main, tries=2)


def test_a_registry_that_only_ever_cuts_is_given_up(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        bench.registry.faults.cuts = 1000
        with pytest.raises(Unreachable, match=blob.digest) as raised:
            await get(bench, blob)
        assert "\n" not in str(raised.value)

    runs(with_bench, main)


def test_finished_ranges_are_not_fetched_again(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        ingest = Ingest(bench.store.blobs, blob.digest, blob.size)
        for start in (0, 1_200_000, 3_000_000):
            ingest.write(start, [DATA[start : start + 300_000]])
        ingest.close()
        await get(bench, blob)
        bench.store.blobs.check(blob.digest)
        assert bench.registry.served[blob.digest] == len(DATA) - 900_000
        assert bench.told.done == {blob.digest: len(DATA)}

    runs(with_bench, main)


def test_without_ranges_one_answer_is_enough(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        bench.registry.faults.has_ranges = False
        ingest = Ingest(bench.store.blobs, blob.digest, blob.size)
        for start in (0, 1_200_000):
            ingest.write(start, [DATA[start : start + 300_000]])
        ingest.close()
        await get(bench, blob)
        bench.store.blobs.check(blob.digest)
        assert bench.registry.served[blob.digest] == len(DATA)

    runs(with_bench, main)


def test_bad_bytes_on_the_disk_are_fetched_again(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        ingest = Ingest(bench.store.blobs, blob.digest, blob.size)
        ingest.write(0, [b"\0" * 200_000])
        ingest.close()
        await get(bench, blob)
        bench.store.blobs.check(blob.digest)
        assert bench.told.done == {blob.digest: len(DATA)}

    runs(with_bench, main)


def test_a_blob_that_was_cut_off_on_the_disk_is_fetched_again(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        await get(bench, blob)
        path = bench.store.blobs.path(blob.digest)
        path.chmod(0o600)
        os.truncate(path, 1000)
        await get(bench, blob)
        bench.store.blobs.check(blob.digest)
        assert bench.registry.served[blob.digest] == 2 * len(DATA)

    runs(with_bench, main)


def test_other_bytes_than_the_digests_are_never_stored(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        bench.registry.faults.corrupt = True
        with pytest.raises(BadAnswer, match="what came is"):
            await get(bench, blob)
        assert not bench.store.blobs.has(blob.digest)

    runs(with_bench, main)


def test_answers_that_cannot_be(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        assert not bench.store.blobs.has(blob.digest)
        with pytest.raises(BadAnswer, match="the manifest says 5"):
            await get(bench, Descriptor(blob.media_type, blob.digest, 5))
        with pytest.raises(NotThere, match="404"):
            await get(bench, Descriptor(blob.media_type, digest_of(b"other"), 5))
        bench.registry.faults.wrong_range = True
        with pytest.raises(BadAnswer, match="Content-Range"):
            await get(bench, blob)

    runs(with_bench, main)


def test_two_pulls_of_one_blob_fetch_it_once(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        await asyncio.gather(get(bench, blob), get(bench, blob), get(bench, blob))
        assert bench.registry.served[blob.digest] == len(DATA)

    runs(with_bench, main)


def test_credentials_do_not_follow_a_redirect(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        from bronzewillow.testing.registry import fake_registry

        async with fake_registry() as other:
            (blob,) = bench.offer(DATA)
            other.add_blob("team/tiny", DATA)
            bench.registry.faults.redirect = other.url
            await get(bench, blob)
            assert other.served[blob.digest] == len(DATA)
            assert not any(other.authorizations)
            assert any(bench.registry.authorizations)

    with_bench(main, auth="basic")


def test_a_cancelled_download_keeps_what_it_has(with_bench: RunBench) -> None:
    async def main(bench: Bench, blob: Descriptor) -> None:
        task = spawn(get(bench, blob), name="download")
        await until(lambda: bench.told.done.get(blob.digest, 0) >= 500_000)
        task.cancel()
        await asyncio.wait([task])
        ingest = Ingest(bench.store.blobs, blob.digest, blob.size)
        assert sum(end - start for start, end in ingest.finished) >= 500_000
        ingest.close()

    runs(with_bench, main)


@pytest.mark.parametrize("readers", [1, 4])
def test_a_registry_that_drips_is_given_up_and_what_came_is_kept(tmp_path: Path, readers: int) -> None:
    data = os.urandom(1_000_000)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with bench(tmp_path, tries=9) as one:
            (blob,) = one.offer(data)
            one.registry.faults.drip_s = 20.0  # always before an answer counts as silent
            begun_s = loop.time()
            with pytest.raises(Unreachable, match=r"fewer than 8,192 bytes have come in 60 s; the next pull"):
                await get(one, blob, readers)
            assert loop.time() - begun_s < 600
            came = one.told.done[blob.digest]
            assert came > 0
            one.registry.faults.drip_s = 0.0
            before = one.registry.served[blob.digest]
            await get(one, blob, readers)
            assert one.registry.served[blob.digest] - before == len(data) - came

    run_leaping(main(), 3000)
