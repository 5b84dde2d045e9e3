"""Files that change all at once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kubelet.volumes.atomic_writer import write_payload
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.payload import File


def shown(folder: Path) -> dict[str, bytes]:
    """What readers see."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in folder.iterdir()
        if not name.name.startswith("..")
        for path in ([name] if name.is_file() else name.rglob("*"))
        if path.is_file()
    }


def versions(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith("..2")]


def test_a_volume_from_the_first_to_the_last_change(tmp_path: Path) -> None:
    folder = tmp_path / "v"
    assert write_payload(folder, {"a": File(b"1"), "deep/b": File(b"2", 0o400)})
    assert shown(folder) == {"a": b"1", "deep/b": b"2"}
    assert stat.S_IMODE((folder / "deep/b").stat().st_mode) == 0o400
    assert (folder / "a").readlink() == Path("..data/a")
    first = versions(folder)
    assert not write_payload(folder, {"a": File(b"1"), "deep/b": File(b"2", 0o400)})
    assert versions(folder) == first
    with (folder / "a").open("rb") as reader:
        assert write_payload(folder, {"a": File(b"other"), "c": File(b"3")})
        assert reader.read() == b"1"  # who has it open goes on with the old one
    assert shown(folder) == {"a": b"other", "c": b"3"}
    assert len(versions(folder)) == 1
    assert versions(folder) != first
    assert write_payload(folder, {})
    assert shown(folder) == {}


def test_a_mode_is_a_change(tmp_path: Path) -> None:
    write_payload(tmp_path, {"a": File(b"1", 0o600)})
    assert write_payload(tmp_path, {"a": File(b"1", 0o644)})


def test_a_name_that_was_lost_comes_back(tmp_path: Path) -> None:
    write_payload(tmp_path, {"a": File(b"1")})
    (tmp_path / "a").unlink()
    assert write_payload(tmp_path, {"a": File(b"1")})
    assert shown(tmp_path) == {"a": b"1"}


def test_what_was_killed_half_way_is_no_hindrance(tmp_path: Path) -> None:
    write_payload(tmp_path, {"a": File(b"1")})
    (tmp_path / "..data_tmp").symlink_to("nowhere")
    (tmp_path / "..2020_01_01_00_00_00.half").mkdir()
    assert write_payload(tmp_path, {"a": File(b"2")})
    assert shown(tmp_path) == {"a": b"2"}
    assert len(versions(tmp_path)) == 1


def test_two_keys_that_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ = os.open

    def lower(path: Path, flags: int, *arguments: int, **more: int) -> int:
        """A disk that takes upper for lower case, as a Mac's does."""
        return open_(
            path.with_name(path.name.lower()) if flags & os.O_EXCL else path, flags, *arguments, **more
        )

    monkeypatch.setattr(os, "open", lower)
    with pytest.raises(VolumeError, match="a: differs from another key in upper and lower case only"):
        write_payload(tmp_path, {"A": File(b"1"), "a": File(b"2")})
    assert versions(tmp_path) == []
