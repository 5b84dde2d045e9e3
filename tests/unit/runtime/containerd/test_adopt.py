from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bronzewillow.testing.aio import run
from runtime.api.images_pb2 import Descriptor, Image
from runtime.containerd.adapted import digest_of
from runtime.containerd.adopt import adopt
from runtime.containerd.client import Containerd, containerd_at
from runtime.containerd.errors import ContainerdError, NotAdoptable
from runtime.images.errors import UnservableImage
from runtime.images.media_types import DOCKER_CONFIG

from .conftest import Rig, double

pytestmark = pytest.mark.loopback
NAME = "registry.example/tiny:v1"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MODEL, SYSTEM = b"GGUF" + bytes(5000), b"Be brief."


def fetch(rig: Rig, layers: Sequence[tuple[str, bytes]], config: dict[str, Any] | None = None) -> str:
    """What `ctr content fetch` leaves; the manifest's digest."""
    raw = json.dumps({"model_format": "gguf"} if config is None else config).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": DOCKER_CONFIG, "digest": rig.keep(raw), "size": len(raw)},
            "layers": [
                {"mediaType": kind, "digest": rig.keep(data), "size": len(data)} for kind, data in layers
            ],
        }
    ).encode()
    digest = rig.keep(manifest)
    target = Descriptor(media_type=MANIFEST, digest=digest, size=len(manifest))
    rig.images[NAME] = Image(name=NAME, target=target)
    return digest


def ollama(*more: tuple[str, bytes]) -> list[tuple[str, bytes]]:
    return [("application/vnd.ollama.image.model", MODEL), *more]


def asked(test: Callable[[Containerd, Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        with TemporaryDirectory(prefix="bw") as name:
            async with double(Path(name)) as rig, containerd_at(rig.address, "default") as containerd:
                await test(containerd, rig)
                assert rig.leases == []
                keys = [info.name for info in rig.snapshotter.walk()]
                assert not [key for key in keys if key.startswith("adopt-")], "nothing half done is left"

    run(main())


def test_each_layer_is_a_snapshot_by_its_chain_id() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        before = fetch(rig, ollama(("application/vnd.ollama.image.system", SYSTEM)))
        done = await adopt(containerd, NAME, "llm", rig.folder / "none")
        first = digest_of(MODEL)
        top = digest_of(f"{first} {digest_of(SYSTEM)}".encode())
        assert (done.layers, done.warnings) == (2, ())
        assert {path.name for path in rig.snapshotter.tree(first).iterdir()} == {"model.gguf"}
        folder = rig.snapshotter.tree(top)
        assert (folder / "model.gguf").read_bytes() == MODEL
        assert (folder / "system").read_bytes() == SYSTEM
        assert rig.snapshotter.stat(top).parent == first
        image = rig.images[NAME]
        assert image.target.digest == done.digest != before
        assert image.labels["bronzewillow.io/adopted-from"] == before
        manifest = json.loads(rig.content[done.digest])
        config = manifest["config"]["digest"]
        assert json.loads(rig.content[config])["rootfs"]["diff_ids"] == [first, digest_of(SYSTEM)]
        assert rig.labels[config] == {"containerd.io/gc.ref.snapshot.llm": top}
        assert rig.labels[done.digest] == {
            "containerd.io/gc.ref.content.config": config,
            "containerd.io/gc.ref.content.l.0": first,
            "containerd.io/gc.ref.content.l.1": digest_of(SYSTEM),
        }

    asked(test)


def test_again_it_changes_nothing() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        fetch(rig, ollama())
        once = await adopt(containerd, NAME, "llm", rig.folder / "none")
        content, snapshots = dict(rig.content), list(rig.snapshotter.walk())
        assert await adopt(containerd, NAME, "llm", rig.folder / "none") == once
        assert (rig.content, list(rig.snapshotter.walk())) == (content, snapshots)

    asked(test)


def test_files_are_linked_where_they_can_be() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        fetch(rig, ollama())
        blob = rig.folder / "blobs" / digest_of(MODEL).replace(":", "/")
        blob.parent.mkdir(parents=True)
        blob.write_bytes(MODEL)
        await adopt(containerd, NAME, "llm", rig.folder / "blobs")
        shown = rig.snapshotter.tree(digest_of(MODEL)) / "model.gguf"
        assert shown.samefile(blob)

    asked(test)


def test_a_file_in_an_archive() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo("weights/tiny.gguf")
            entry.size = len(MODEL)
            tar.addfile(entry, io.BytesIO(MODEL))
        fetch(rig, [("application/vnd.cncf.model.weight.v1.tar", archive.getvalue())])
        await adopt(containerd, NAME, "llm", rig.folder / "none")
        folder = rig.snapshotter.tree(digest_of(archive.getvalue()))
        assert [path.name for path in folder.iterdir()] == ["model.gguf"]
        assert (folder / "model.gguf").read_bytes() == MODEL

    asked(test)


def test_what_cannot_be_adopted_says_why() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        with pytest.raises(ContainerdError, match="not found"):
            await adopt(containerd, "registry.example/none:v1", "llm", rig.folder)
        fetch(rig, [("application/vnd.docker.image.rootfs.diff.tar.gzip", b"x")])
        with pytest.raises(UnservableImage):
            await adopt(containerd, NAME, "llm", rig.folder)
        index = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
        kind = "application/vnd.oci.image.index.v1+json"
        target = Descriptor(media_type=kind, digest=rig.keep(index), size=len(index))
        rig.images[NAME] = Image(name=NAME, target=target)
        with pytest.raises(NotAdoptable, match="is an index of images"):
            await adopt(containerd, NAME, "llm", rig.folder)

    asked(test)


def test_a_layer_that_is_not_there_leaves_nothing() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        fetch(rig, ollama(("application/vnd.ollama.image.system", SYSTEM)))
        del rig.content[digest_of(SYSTEM)]
        with pytest.raises(ContainerdError, match="not found"):
            await adopt(containerd, NAME, "llm", rig.folder / "none")
        assert [info.name for info in rig.snapshotter.walk()] == [digest_of(MODEL)]

    asked(test)
