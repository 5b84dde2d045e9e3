from __future__ import annotations

import hashlib
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.content.blobs import Blobs
from runtime.content.errors import CorruptBlob, DigestMismatch, StoreError, UnknownBlob
from runtime.content.store import ContentStore
from runtime.images.digest import digest_of
from runtime.images.errors import InvalidDigest

ABSENT = digest_of(b"absent")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return ContentStore(tmp_path).blobs


def left_over(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "ingest").iterdir())


def test_what_is_written_is_read(blobs: Blobs, tmp_path: Path) -> None:
    digest = blobs.write(b"weights")
    assert digest == digest_of(b"weights")
    assert blobs.read(digest, 7) == b"weights"
    assert (blobs.size(digest), blobs.has(digest), list(blobs)) == (7, True, [digest])
    assert stat.S_IMODE(blobs.path(digest).stat().st_mode) == 0o444
    assert blobs.write(b"weights") == digest
    blobs.check(digest)
    with blobs.open(digest) as file:
        assert file.read() == b"weights"
    assert blobs.remove(digest) == 7
    assert not blobs.has(digest)
    assert not left_over(tmp_path)


def test_a_stream_is_held_to_what_was_announced(blobs: Blobs, tmp_path: Path) -> None:
    digest = digest_of(b"abc")
    assert blobs.write_stream((b"a", b"", b"bc"), digest, 3) == digest
    sha512 = "sha512:" + hashlib.sha512(b"abc").hexdigest()
    assert blobs.write_stream((b"abc",), sha512) == sha512
    with pytest.raises(DigestMismatch, match="what came is"):
        blobs.write_stream((b"abd",), digest)
    with pytest.raises(DigestMismatch, match="4 bytes were announced"):
        blobs.write_stream((b"abc",), "", 4)

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    with pytest.raises(DigestMismatch, match="2,000 bytes were announced"):
        blobs.write_stream(endless(), ABSENT, 2000)
    with pytest.raises(ZeroDivisionError):
        blobs.write_stream(str(1 // 0).encode() for _ in range(1))
    assert sorted(blobs) == sorted((digest, sha512))
    assert not left_over(tmp_path)


def test_a_file_is_stored_and_stays_the_users(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(os.urandom(3_000_000))
    digest = blobs.write_file(source)
    assert digest == digest_of(source.read_bytes())
    source.write_bytes(b"changed")
    blobs.check(digest)
    with pytest.raises(StoreError, match="nothing: No such file"):
        blobs.write_file(tmp_path / "nothing")
    with pytest.raises(StoreError, match="Is a directory"):
        blobs.write_file(tmp_path)


@pytest.mark.parametrize("read", [lambda b, d: b.read(d, 100), lambda b, d: b.check(d)])
def test_a_corrupt_blob_is_put_aside_and_never_served(blobs: Blobs, tmp_path: Path, read: object) -> None:
    digest = blobs.write(b"weights")
    path = blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"weighty")
    assert callable(read)
    with pytest.raises(CorruptBlob, match="was put aside"):
        read(blobs, digest)
    assert not blobs.has(digest)
    assert (tmp_path / "quarantine" / path.name).read_bytes() == b"weighty"
    assert blobs.read(blobs.write(b"weights"), 100) == b"weights"


def test_a_blob_of_another_size_is_not_here(blobs: Blobs) -> None:
    digest = blobs.write(b"weights")
    assert blobs.has_whole(digest, 7)
    assert blobs.has_whole(digest, 8)  # the manifest is wrong, not the blob
    path = blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"weight")
    assert not blobs.has_whole(digest, 7)
    assert not blobs.has_whole(digest, 7)


def test_what_is_not_here(blobs: Blobs) -> None:
    for call in (blobs.size, blobs.open, blobs.check, blobs.remove):
        with pytest.raises(UnknownBlob, match=f"blob {ABSENT} is not here"):
            call(ABSENT)
    with pytest.raises(InvalidDigest):
        blobs.path("sha256:../../etc/passwd")
    with pytest.raises(StoreError, match="more than 2 bytes"):
        blobs.read(blobs.write(b"abc"), 2)


def test_equal_content_by_many_writers_is_one_blob(blobs: Blobs, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: blobs.write(b"x" * 100_000), range(40)))
    assert list(blobs) == list(digests)
    assert not left_over(tmp_path)


FULL = """
import resource, sys
from pathlib import Path
from runtime.content import ContentStore
from runtime.content.errors import StoreError
store = ContentStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    store.blobs.write_stream(b"x" * 1000 for _ in range(1000))
except StoreError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_leaves_nothing_half_written(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE
    argv = [sys.executable, "-c", FULL, str(tmp_path)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert said.count("\n") == 1
    assert said.strip().endswith("File too large")
    assert not left_over(tmp_path)
    assert not list(ContentStore(tmp_path).blobs)


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_any_chunks_are_their_concatenation(chunks: list[bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        blobs = ContentStore(Path(folder)).blobs
        digest = blobs.write_stream(chunks)
        assert digest == digest_of(b"".join(chunks))
        assert blobs.read(digest, 1000) == b"".join(chunks)
