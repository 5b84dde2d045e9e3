from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.snapshots.errors import NotFound, Unavailable
from runtime.snapshots.info import Info, Kind
from runtime.snapshots.metadata import Metadata

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def info(name: str) -> Info:
    return Info(name, "", Kind.ACTIVE, NOW, NOW)


def publish(metadata: Metadata, name: str) -> Path:
    with metadata.changing():
        return metadata.publish(metadata.begin(), info(name)).folder


def test_what_dead_processes_left_is_cleared(tmp_path: Path) -> None:
    metadata = Metadata(tmp_path)
    folder = publish(metadata, "kept")
    half = metadata.begin()
    (half / "fs").mkdir()
    folder.with_name("removed").mkdir()
    (folder.with_name("removed")).rename(tmp_path / "gone" / "removed")
    again = Metadata(tmp_path)
    assert [entry.info.name for entry in again.entries()] == ["kept"]
    assert not list((tmp_path / "new").iterdir()) + list((tmp_path / "gone").iterdir())


def test_a_folder_without_sense_is_no_snapshot(tmp_path: Path) -> None:
    metadata = Metadata(tmp_path)
    publish(metadata, "good")
    for number, text in enumerate(("", "[]", '{"name": 1}')):
        odd = tmp_path / "snapshots" / f"odd{number}"
        odd.mkdir()
        (odd / "info.json").write_text(text)
    (tmp_path / "snapshots" / "empty").mkdir()
    assert [entry.info.name for entry in metadata.entries()] == ["good"]
    with pytest.raises(NotFound, match="'bad' is not there"):
        metadata.get("bad")


def test_a_root_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"file.*Not a directory"):
        Metadata(tmp_path / "file" / "root")


def test_folders_are_their_owners(tmp_path: Path) -> None:
    root = tmp_path / "root"
    Metadata(root)
    assert {path.stat().st_mode & 0o777 for path in (root, *root.iterdir()) if path.is_dir()} == {0o700}
