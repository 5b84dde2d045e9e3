from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bronzewillow.host.files import replace_file
from runtime.content import names
from runtime.content.errors import CorruptBlob, DiskFull, StoreError, UnknownBlob, UnknownName
from runtime.images.media_types import Role
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore

from .conftest import Workshop

PLAIN = "FROM tiny.gguf\nSYSTEM be brief"


def test_images_are_found_by_name_and_by_id(workshop: Workshop) -> None:
    one = workshop.make("tiny", PLAIN)
    workshop.make("registry.example/team/other:v2", "FROM tiny.gguf")
    assert [image.reference.familiar for image in workshop.store.images()] == [
        "tiny", "registry.example/team/other:v2",
    ]  # fmt: skip
    assert workshop.store.get("tiny:latest") == one
    assert workshop.store.get(one.id).descriptor == one.descriptor
    assert one.size_bytes == sum(blob.size for blob in one.manifest.blobs)
    with pytest.raises(UnknownName, match="image none is not here; `runm list`"):
        workshop.store.get("none")


def test_an_image_is_a_folder_of_links(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    folder = workshop.store.folder(image)
    assert sorted(path.name for path in folder.iterdir()) == ["model.gguf", "system"]
    assert (folder / "system").read_text() == "be brief"
    blob = workshop.store.content.blobs.path(image.manifest.layers[0].digest)
    assert (folder / "model.gguf").samefile(blob)
    assert workshop.store.folder(image) == folder
    assert len(list(workshop.store.snapshots.walk())) == 1


def test_removing_an_image_leaves_what_others_need(workshop: Workshop) -> None:
    one, two = workshop.make("one", PLAIN), workshop.make("two", "FROM tiny.gguf")
    workshop.store.name(parse_reference("again"), one.descriptor)
    folder = workshop.store.folder(one)
    assert workshop.store.remove(workshop.store.get("again")).blobs == 0
    removed = workshop.store.remove(one)
    assert removed.blobs == 3  # manifest, configuration, system message
    assert not folder.exists()
    assert not workshop.store.content.verify()
    workshop.store.remove(two)
    assert not list(workshop.store.content.blobs)


def test_what_is_served_by_hand_stays_until_its_end(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    with workshop.store.served(image) as folder:
        assert workshop.store.users(image.descriptor.digest) == ["`runm serve`"]
        workshop.store.remove(image)
        workshop.store.prune(0)
        assert (folder / "model.gguf").exists()
    assert not workshop.store.users(image.descriptor.digest)
    assert not folder.exists()


def test_the_last_who_serves_an_image_by_hand_takes_away_what_was_removed(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    with workshop.store.served(image) as folder:
        with workshop.store.served(image):
            workshop.store.remove(image)
        assert (folder / "model.gguf").exists()
    assert not folder.exists()


def test_an_image_that_is_still_here_stays_when_nobody_serves_it_any_more(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    workshop.store.name(parse_reference("second"), image.descriptor)
    with workshop.store.served(image) as folder:
        workshop.store.remove(image)
    assert (folder / "model.gguf").exists()


def test_what_is_served_stays_until_its_end(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    workshop.store.snapshots.prepare("container", workshop.store.unpack(image))
    assert workshop.store.users(image.descriptor.digest) == ["container container"]
    workshop.store.remove(image)
    assert (workshop.store.snapshots.tree("container") / "model.gguf").exists()
    workshop.store.prune(0)
    assert len(list(workshop.store.snapshots.walk())) == 2
    workshop.store.snapshots.remove("container")
    workshop.store.prune(0)
    assert not list(workshop.store.snapshots.walk())


def test_a_blob_that_is_not_what_it_was_is_never_shown(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    system = workshop.store.model_image(image).of(Role.SYSTEM)[0]
    path = workshop.store.content.blobs.path(system.descriptor.digest)
    path.chmod(0o600)
    path.write_text("be wrong")
    with pytest.raises(CorruptBlob, match=r"put aside.*; make the image anew"):
        workshop.store.unpack(image)
    with pytest.raises(UnknownBlob, match="make the image anew"):
        workshop.store.unpack(image)
    assert not list(workshop.store.snapshots.walk())


def test_what_was_found_corrupt_and_came_again_is_shown_anew(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    store = workshop.store
    name = store.unpack(image)
    store.snapshots.prepare("container", name)
    path = store.content.blobs.path(image.manifest.layers[0].digest)
    good = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(good[:-1] + b"\xff")  # of the right size: only reading all of it tells
    assert store.content.verify()
    with pytest.raises(UnknownBlob, match="make the image anew"):
        store.unpack(image)
    workshop.make("tiny", PLAIN)
    assert store.unpack(image) == name
    assert (store.snapshots.tree(name) / "model.gguf").samefile(path)
    (mount,) = store.snapshots.prepare("next", name)
    assert (mount.source / "model.gguf").read_bytes() == good
    store.prune(0)
    assert not list(store.content.blobs.ingest.iterdir())


def test_a_small_part_that_rots_after_it_was_shown_is_not_shown_again(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    workshop.store.unpack(image)
    system = workshop.store.model_image(image).of(Role.SYSTEM)[0]
    path = workshop.store.content.blobs.path(system.descriptor.digest)
    path.chmod(0o600)
    path.write_text("be wrong")
    with pytest.raises(CorruptBlob, match="make the image anew"):
        workshop.store.unpack(image)


def test_a_model_that_was_cut_off_is_never_shown(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    path = workshop.store.content.blobs.path(image.manifest.layers[0].digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptBlob):
        workshop.store.unpack(image)


def test_a_name_needs_all_of_its_image(workshop: Workshop) -> None:
    image = workshop.make("tiny", PLAIN)
    workshop.store.content.blobs.remove(image.manifest.layers[0].digest)
    with pytest.raises(UnknownBlob):
        workshop.store.name(parse_reference("other"), image.descriptor)


def test_a_root_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Not a directory"):
        ImageStore(tmp_path / "file")


def test_an_image_can_be_removed_from_a_disk_that_is_full(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = workshop.make("one", PLAIN), workshop.make("two", "FROM tiny.gguf")
    workshop.store.folder(one)
    system = workshop.store.model_image(one).of(Role.SYSTEM)[0]
    only_ones = workshop.store.content.blobs.path(system.descriptor.digest)

    def full(path: Path, data: bytes) -> None:
        if only_ones.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        replace_file(path, data)

    monkeypatch.setattr(names, "replace_file", full)
    with pytest.raises(DiskFull, match=r"index\.json: No space left"):
        workshop.store.name(parse_reference("again"), one.descriptor)
    with pytest.raises(DiskFull, match=r"index\.json: No space left"):
        workshop.store.remove(two)  # its model is the other's, too
    assert workshop.store.remove(one).blobs == 3  # manifest, configuration, system message
    assert not list(workshop.store.snapshots.walk())
    workshop.store.remove(workshop.store.get("two"))
    assert not workshop.store.content.names.all()
    assert not list(workshop.store.content.blobs)
