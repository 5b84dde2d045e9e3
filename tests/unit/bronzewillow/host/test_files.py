from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bronzewillow.host import files
from bronzewillow.host.files import (
    drop_halves,
    locked,
    open_regular,
    replace_file,
    sync_file,
    sync_folder,
    try_lock,
)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    with pytest.raises(TypeError):
        replace_file(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_told_by_the_files_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "sync_file", fill)
    with pytest.raises(OSError, match="No space left") as caught:
        replace_file(tmp_path / "file", b"new")
    assert caught.value.filename == str(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new", private=True)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)


def test_what_a_killed_writer_has_left_is_dropped_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = {f"a.json.{ended.pid}.new", f"a.json.{os.getpid()}.new", "a.json", "other.new"}
    for name in names:
        (tmp_path / name).touch()
    drop_halves(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == names - {f"a.json.{ended.pid}.new"}
    drop_halves(tmp_path / "nothing")


def test_only_files_are_opened_and_nothing_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"text"
    os.mkfifo(tmp_path / "pipe")
    for path, says in (
        (tmp_path / "pipe", "is no regular file"),
        (Path(os.devnull), "is no regular file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file"),
    ):
        with pytest.raises(OSError, match=says) as caught:
            open_regular(path)
        assert str(caught.value.filename) == str(path)


def test_syncing_takes_files_and_folders(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.write(b"x")
        sync_file(file.fileno())
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")


def test_a_lock_is_for_one(tmp_path: Path) -> None:
    order: list[str] = []

    def enter() -> None:
        with locked(tmp_path / "lock"):
            order.append("second")

    second = threading.Thread(target=enter)
    with locked(tmp_path / "lock"):
        second.start()
        second.join(0.05)
        order.append("first")
    second.join()
    assert order == ["first", "second"]


def test_a_lock_that_another_has_is_not_waited_for(tmp_path: Path) -> None:
    with try_lock(tmp_path / "lock") as first, try_lock(tmp_path / "lock") as second:
        assert first and not second
    with try_lock(tmp_path / "lock") as again:
        assert again
