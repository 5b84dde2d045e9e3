from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.content.errors import StoreError
from runtime.images.digest import digest_of
from runtime.images.errors import UnservableImage
from runtime.images.manifest import Descriptor, emit_manifest
from runtime.images.media_types import OCI_CONFIG, OCI_INDEX
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore
from runtime.imagestore.archive import load, opened, save
from runtime.imagestore.errors import ArchiveError

from .conftest import Workshop


def saved(workshop: Workshop) -> bytes:
    images = [
        workshop.make("tiny", "FROM tiny.gguf\nSYSTEM be brief"),
        workshop.make("two", "FROM tiny.gguf"),
    ]
    target = io.BytesIO()
    save(workshop.store, images, target)
    return target.getvalue()


def test_what_is_saved_is_loaded(workshop: Workshop, tmp_path: Path) -> None:
    raw = saved(workshop)
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        names = tar.getnames()
    assert len(set(names)) == len(names) == 2 + 6  # layout and index; two manifests, their blobs, one model
    other = ImageStore(tmp_path / "other")
    loaded = load(other, io.BytesIO(raw))
    assert [image.reference.familiar for image in loaded] == ["tiny", "two"]
    assert [image.id for image in loaded] == [workshop.store.get(name).id for name in ("tiny", "two")]
    assert not other.content.verify()


def rewritten(raw: bytes, change: object) -> io.BytesIO:
    assert callable(change)
    target = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar, tarfile.open(fileobj=target, mode="w") as out:
        for member in reversed(tar.getmembers()):
            file = tar.extractfile(member)
            assert file is not None
            name, data = change(member.name, file.read())
            if name:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
    target.seek(0)
    return target


def test_any_order_will_do_and_a_name_can_be_given(workshop: Workshop, tmp_path: Path) -> None:
    raw = rewritten(saved(workshop), lambda name, data: (f"./{name}", data))
    load(ImageStore(tmp_path / "other"), raw)

    def unnamed(name: str, data: bytes) -> tuple[str, bytes]:
        return name, data.replace(b"image.ref.name", b"x").replace(b"containerd.image.name", b"y")

    raw = rewritten(saved(workshop), unnamed)
    with pytest.raises(ArchiveError, match="has no name; give it one with --name"):
        load(ImageStore(tmp_path / "b"), raw)
    raw.seek(0)
    load(ImageStore(tmp_path / "b"), raw, parse_reference("given"))
    assert ImageStore(tmp_path / "b").get("given")


def test_an_index_is_followed_as_a_pull_does(workshop: Workshop, tmp_path: Path) -> None:
    raw = rewritten(saved(workshop), in_an_index("linux"))
    (loaded, _) = load(ImageStore(tmp_path / "other"), raw)
    assert loaded.id == workshop.store.get("tiny").id
    with pytest.raises(ArchiveError, match="only for: windows/amd64"):
        load(ImageStore(tmp_path / "b"), rewritten(saved(workshop), in_an_index("windows")))
    assert not list(ImageStore(tmp_path / "b").content.names.all())


def in_an_index(os: str) -> Callable[[str, bytes], tuple[str, bytes]]:
    """A change: the first image becomes that of an index, whose blob takes the layout file's place."""
    found: dict[str, bytes] = {}

    def change(name: str, data: bytes) -> tuple[str, bytes]:
        if name == "index.json":
            index = json.loads(data)
            inner = {**index["manifests"][0], "platform": {"os": os, "architecture": "amd64"}}
            raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [inner]}).encode()
            digest = digest_of(raw)
            found[f"blobs/{digest.replace(':', '/')}"] = raw
            index["manifests"][0] |= {"mediaType": OCI_INDEX, "digest": digest, "size": len(raw)}
            return name, json.dumps(index).encode()
        return found.popitem() if name == "oci-layout" else (name, data)

    return change


def test_a_container_image_is_no_model(workshop: Workshop, tmp_path: Path) -> None:
    layer = "application/vnd.oci.image.layer.v1.tar"
    store = workshop.store.content
    config = Descriptor(OCI_CONFIG, store.blobs.write(b"{}"), 2)
    manifest = emit_manifest(config, [Descriptor(layer, store.blobs.write(b"x"), 1)])
    workshop.store.name(parse_reference("box"), store.write_manifest(manifest))
    target = io.BytesIO()
    save(workshop.store, [workshop.store.get("box")], target)
    target.seek(0)
    with pytest.raises(UnservableImage, match="a container image, not a model"):
        load(ImageStore(tmp_path / "other"), target)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda name, data: ("" if name == "index.json" else name, data), "has no index.json"),
        (
            lambda name, data: (name, b"{" if name == "index.json" else data),
            "index.json: the manifest is not",
        ),
        (lambda name, data: (name, data[::-1] if "blobs" in name else data), "what came is"),
        (lambda name, data: (name.replace("sha256/", "sha256/../"), data), "is no digest"),
    ],
)
def test_what_is_no_archive(workshop: Workshop, tmp_path: Path, change: object, why: str) -> None:
    with pytest.raises(ArchiveError, match=why) as raised:
        load(ImageStore(tmp_path / "other"), rewritten(saved(workshop), change))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("raw", [b"", b"x" * 2000])
def test_other_bytes(workshop: Workshop, raw: bytes) -> None:
    with pytest.raises(ArchiveError, match="is no tar archive"):
        load(workshop.store, io.BytesIO(raw))


@pytest.mark.parametrize("cut", [700, 1500, 2600, 3700])
def test_an_archive_that_ends_early_names_nothing(workshop: Workshop, tmp_path: Path, cut: int) -> None:
    other = ImageStore(tmp_path / "other")
    with pytest.raises((ArchiveError, StoreError)) as raised:
        load(other, io.BytesIO(saved(workshop)[:cut]))
    assert "\n" not in str(raised.value)
    assert not list(other.images())


def test_files_and_the_standard_streams(tmp_path: Path) -> None:
    standard = io.BytesIO()
    with opened("-", "rb", standard) as file:
        assert file is standard
    with opened(str(tmp_path / "a"), "wb", standard) as file:
        file.write(b"x")
    with (
        pytest.raises(ArchiveError, match="none: No such file"),
        opened(str(tmp_path / "none"), "rb", standard),
    ):
        pass
