from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.content import ContentStore
from runtime.content.errors import DigestMismatch, IngestBusy, StoreError
from runtime.content.ingest import Ingest, lacking_bytes, remove_abandoned
from runtime.images.digest import digest_of

DATA = bytes(range(256)) * 40
DIGEST = digest_of(DATA)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path)


def begin(store: ContentStore, size: int = len(DATA)) -> Ingest:
    return Ingest(store.blobs, DIGEST, size)


def test_ranges_in_any_order_become_a_blob(store: ContentStore) -> None:
    ingest = begin(store)
    starts = list(range(0, len(DATA), 1000))
    random.Random(1).shuffle(starts)
    for start in starts:
        assert not store.blobs.has(DIGEST)
        ingest.write(start, [DATA[start : start + 600], DATA[start + 600 : start + 1000]])
    assert ingest.finished == ((0, len(DATA)),)
    assert not list(ingest.missing())
    ingest.commit(DIGEST)
    ingest.close()
    assert store.blobs.read(DIGEST, 1 << 20) == DATA
    assert not list((store.root / "ingest").iterdir())


def test_the_next_writer_goes_on_where_the_last_one_died(store: ContentStore) -> None:
    first = begin(store)
    first.write(0, [DATA[:100]])
    first.write(500, [DATA[500:600]])
    first.close()
    with (store.root / "ingest" / f"{DIGEST.replace(':', '-')}.ranges").open("ab") as journal:
        journal.write(b"900 95")  # torn by a kill
    second = begin(store)
    assert second.finished == ((0, 100), (500, 600))
    assert list(second.missing()) == [(100, 500), (600, len(DATA))]
    assert second.read(500, 50) == DATA[500:550]
    second.close()


@pytest.mark.parametrize(
    "line", [b"5 1\n", b"0 999999999\n", b"x y\n", b"1 2 3\n", b"0 " + b"9" * 99 + b"\n"]
)
def test_a_journal_that_cannot_be_is_worth_nothing(store: ContentStore, line: bytes) -> None:
    first = begin(store)
    first.write(0, [DATA[:100]])
    first.close()
    with (store.root / "ingest" / f"{DIGEST.replace(':', '-')}.ranges").open("ab") as journal:
        journal.write(line)
    second = begin(store)
    assert second.finished == ()
    second.close()


def test_one_writer_at_a_time(store: ContentStore) -> None:
    first = begin(store)
    with pytest.raises(IngestBusy):
        begin(store)
    first.close()
    begin(store).close()


def test_what_is_being_written_is_not_pruned(store: ContentStore) -> None:
    names = {f"{DIGEST.replace(':', '-')}{suffix}" for suffix in ("", ".ranges")}
    ingest = begin(store)
    ingest.write(0, [DATA[:5000]])
    later = time.time() + 10
    assert remove_abandoned(store.blobs.ingest, later) == 0
    assert {path.name for path in store.blobs.ingest.iterdir()} == names
    ingest.write(5000, [DATA[5000:]])
    ingest.commit(DIGEST)
    ingest.close()
    assert store.blobs.read(DIGEST, 1 << 20) == DATA


def test_what_a_blob_lacks(store: ContentStore) -> None:
    assert lacking_bytes(store.blobs, DIGEST, len(DATA)) == len(DATA)
    ingest = begin(store)
    ingest.write(0, [DATA[:8192]])
    assert lacking_bytes(store.blobs, DIGEST, len(DATA)) == len(DATA) - 8192
    ingest.write(8192, [DATA[8192:]])
    ingest.commit(DIGEST)
    ingest.close()
    assert lacking_bytes(store.blobs, DIGEST, len(DATA)) == 0


def test_what_dead_writers_left_is_pruned_when_it_is_old(store: ContentStore) -> None:
    ingest = begin(store)
    ingest.write(0, [DATA[:5000]])
    ingest.close()
    (store.blobs.ingest / "orphan.ranges").write_text("0 1\n")
    assert remove_abandoned(store.blobs.ingest, time.time() - 100) == 0
    assert len(list(store.blobs.ingest.iterdir())) == 2
    assert remove_abandoned(store.blobs.ingest, time.time() + 10) == 5000
    assert not list(store.blobs.ingest.iterdir())


def test_lines_of_an_older_file_are_forgotten(store: ContentStore) -> None:
    journal = store.root / "ingest" / f"{DIGEST.replace(':', '-')}.ranges"
    journal.write_text(f"0 {len(DATA)}\n")  # left by a kill between the last two steps
    first = begin(store)
    first.write(9000, [DATA[9000:]])
    first.close()
    second = begin(store)
    assert second.finished == ((9000, len(DATA)),)
    second.close()


def test_a_wrong_digest_forgets_all(store: ContentStore) -> None:
    ingest = begin(store)
    ingest.write(0, [DATA])
    with pytest.raises(DigestMismatch, match="what came is sha256:"):
        ingest.commit(digest_of(b""))
    assert list(ingest.missing()) == [(0, len(DATA))]
    ingest.close()
    assert not store.blobs.has(DIGEST)


def test_a_blob_larger_than_the_disk_is_refused_before_it_is_fetched(store: ContentStore) -> None:
    with pytest.raises(StoreError, match=r"`runm prune`") as raised:
        begin(store, 1 << 60)
    assert "\n" not in str(raised.value)
    begin(store).close()


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 90)), max_size=20))
def test_finished_and_missing_are_the_whole(pairs: list[tuple[int, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        ingest = Ingest(ContentStore(Path(folder)).blobs, DIGEST, 500)
        for start, count in pairs:
            ingest.write(start, [DATA[start : start + count]])
        here = {n for start, end in ingest.finished for n in range(start, end)}
        not_here = {n for start, end in ingest.missing() for n in range(start, end)}
        assert here == {n for start, count in pairs for n in range(start, start + count)}
        assert not_here == set(range(500)) - here
        ingest.close()
