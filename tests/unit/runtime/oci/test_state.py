from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.oci.bundle import Bundle
from runtime.oci.errors import BundleError, ContainerExists, NoSuchContainer
from runtime.oci.state import START, ContainerFolder, State, Status, check_id

BUNDLE = Bundle(Path("/b"), Path("/b/rootfs"), (), {}, Path("/"), annotations={"a": "b"})


def test_the_status_is_the_lock_and_the_pipe(tmp_path: Path) -> None:
    folder = ContainerFolder.make(tmp_path, "one", BUNDLE)
    assert folder.state().status is Status.STOPPED
    lock = folder.hold_alive()
    created = folder.state()
    assert created.to_json() == {
        "ociVersion": "1.0.2",
        "id": "one",
        "status": "created",
        "pid": os.getpid(),
        "bundle": "/b",
        "annotations": {"a": "b"},
    }
    (folder.path / START).unlink()
    assert folder.state().status is Status.RUNNING
    os.close(lock)
    folder.wait()
    ended = folder.state()
    assert (ended.status, ended.pid) == (Status.STOPPED, 0)
    assert "pid" not in ended.to_json()


def test_ids_are_names_of_folders(tmp_path: Path) -> None:
    ContainerFolder.make(tmp_path, "one", BUNDLE)
    with pytest.raises(ContainerExists, match="'one' is there already"):
        ContainerFolder.make(tmp_path, "one", BUNDLE)
    with pytest.raises(NoSuchContainer, match="'two' is not there"):
        ContainerFolder.find(tmp_path, "two")
    for bad in ("", ".", "..", "a/b", "-f", "x" * 256, "a\n"):
        with pytest.raises(BundleError, match="id "):
            check_id(bad)
    assert [folder.id for folder in ContainerFolder.all(tmp_path)] == ["one"]
    assert list(ContainerFolder.all(tmp_path / "nothing")) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"bundle": 1}'])
def test_a_record_that_is_spoilt_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "container.json").write_text(text)
    state = ContainerFolder(tmp_path).state()
    assert (state.status, state.bundle, state.annotations) == (Status.CREATING, Path(), {})


def test_a_folder_without_a_record_is_being_made(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    assert ContainerFolder(tmp_path / "half").state() == State("half", Status.CREATING, 0, Path(), {}, "")
    ContainerFolder(tmp_path / "half").remove()
    assert not (tmp_path / "half").exists()
