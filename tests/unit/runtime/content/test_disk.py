from __future__ import annotations

from pathlib import Path

import pytest

from runtime.content.disk import as_store_error, check_room, share_extents
from runtime.content.errors import StoreError


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing: No such file"), as_store_error(tmp_path):
        (tmp_path / "nothing").read_bytes()


def test_sharing_is_a_copy_of_the_bytes_or_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    with (tmp_path / "a").open("rb") as source, (tmp_path / "b").open("wb") as target:
        is_shared = share_extents(source.fileno(), target.fileno())
    assert (tmp_path / "b").read_bytes() == (b"x" * 100_000 if is_shared else b"")


def test_room_is_asked_for_beforehand(tmp_path: Path) -> None:
    check_room(tmp_path, 1, "a blob")
    with pytest.raises(
        StoreError, match=r"a blob needs 1,152,921,504,606,846,976 bytes more, and there is room for"
    ):
        check_room(tmp_path, 1 << 60, "a blob")
