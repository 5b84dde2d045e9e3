from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.content import ContentStore
from runtime.content.errors import StoreError
from runtime.content.store import Pruned
from runtime.images.manifest import Descriptor, Manifest, emit_manifest
from runtime.images.media_types import DOCKER_CONFIG, OLLAMA_MODEL


def image(store: ContentStore, name: str, weights: bytes) -> Manifest:
    config = Descriptor(DOCKER_CONFIG, store.blobs.write(b"{}"), 2)
    layer = Descriptor(OLLAMA_MODEL, store.blobs.write(weights), len(weights))
    descriptor = store.write_manifest(emit_manifest(config, [layer]))
    store.names.set(name, descriptor)
    found = store.manifest(descriptor.digest)
    assert isinstance(found, Manifest)
    return found


def test_prune_keeps_what_names_lead_to(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    one, two = image(store, "one", b"weights"), image(store, "two", b"heavier weights")
    stray = store.blobs.write(b"stray")
    (tmp_path / "ingest" / "half").write_bytes(b"half")
    assert store.prune() == Pruned(0, 0)  # all of it is young
    assert store.prune(0) == Pruned(1, 9)
    assert not store.blobs.has(stray)
    store.names.remove("two")
    assert store.prune(0) == Pruned(2, len(two.raw) + 15)
    assert set(store.blobs) == {one.digest, *(blob.digest for blob in one.blobs)}
    assert not store.verify()


def test_a_prune_does_not_take_what_is_being_written(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)

    def chunks() -> Iterator[bytes]:
        yield b"wei"
        store.prune(0)
        yield b"ghts"

    digest = store.blobs.write_stream(chunks())
    assert store.blobs.read(digest, 100) == b"weights"


def test_verify_finds_what_is_corrupt_and_what_is_missing(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    one, two = image(store, "one", b"weights"), image(store, "two", b"others")
    path = store.blobs.path(one.layers[0].digest)
    path.chmod(0o644)
    path.write_bytes(b"weight!")
    store.blobs.remove(two.layers[0].digest)
    corrupt, first, second = store.verify()
    assert one.layers[0].digest in corrupt
    assert "put aside" in corrupt
    assert first.startswith("image one: blob") and first.endswith("make the image anew: no registry has it")
    assert second.startswith("image two: blob")
    image(store, "one", b"weights")
    image(store, "two", b"others")
    assert not store.verify()


def test_folders_are_the_owners_and_the_layout_is_ocis(tmp_path: Path) -> None:
    root = tmp_path / "a" / "store"
    ContentStore(root)
    ContentStore(root)
    assert (root / "oci-layout").read_text() == '{"imageLayoutVersion":"1.0.0"}'
    assert {path.stat().st_mode & 0o777 for path in (root, *root.iterdir()) if path.is_dir()} == {0o700}


def test_a_root_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file.*Not a directory") as raised:
        ContentStore(tmp_path / "file" / "store")
    assert "\n" not in str(raised.value)


WRITER = """
import itertools, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_store import image
from runtime.content import ContentStore
store = ContentStore(Path(sys.argv[1]))
for n in itertools.count():
    image(store, f"{sys.argv[2]}", f"{sys.argv[2]}-{n}".encode() * 2000)
    os.write(1, b".")
    if n % 5 == 4:
        store.prune(3600)
"""


@pytest.mark.slow
def test_killed_at_any_moment_every_name_still_leads_to_a_whole_image(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    rng = random.Random(3)
    for number in range(20):
        argv = [sys.executable, "-c", WRITER, str(tmp_path), str(number), str(Path(__file__).parent)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, env=os.environ) as process:
            assert process.stdout is not None
            process.stdout.read(rng.randrange(1, 8))
            for _ in range(rng.randrange(20)):
                store.names.all()
            process.send_signal(signal.SIGKILL)
        assert not ContentStore(tmp_path).verify()
    assert len(store.names.all()) == 20
    store.prune(0)
    assert not store.verify()
    assert not list((tmp_path / "ingest").iterdir())
