from __future__ import annotations

import threading
from pathlib import Path

import pytest

from runtime.content.disk import as_store_error, locked, replace_file, share_extents, sync_file, sync_folder
from runtime.content.errors import StoreError


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    with pytest.raises(TypeError):
        replace_file(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing: No such file"), as_store_error(tmp_path):
        (tmp_path / "nothing").read_bytes()


def test_sharing_is_a_copy_of_the_bytes_or_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    with (tmp_path / "a").open("rb") as source, (tmp_path / "b").open("wb") as target:
        is_shared = share_extents(source.fileno(), target.fileno())
        sync_file(target.fileno())
    sync_folder(tmp_path)
    assert (tmp_path / "b").read_bytes() == (b"x" * 100_000 if is_shared else b"")


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
