from __future__ import annotations

from pathlib import Path

import pytest

from runtime.snapshots.info import Usage
from runtime.snapshots.tree import link_tree, remove_tree, usage_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_bytes(b"x" * 5000)
    (folder / "link").symlink_to("sub/file")
    return folder


def test_links_are_the_same_files(tree: Path, tmp_path: Path) -> None:
    link_tree(tree, tmp_path / "again")
    again = tmp_path / "again"
    assert (again / "sub" / "file").stat().st_ino == (tree / "sub" / "file").stat().st_ino
    assert str((again / "link").readlink()) == "sub/file"
    assert again.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        link_tree(tree, again)


def test_shared_files_cost_nothing(tree: Path, tmp_path: Path) -> None:
    alone = usage_of(tree)
    assert alone.inodes == 4
    assert alone.size_bytes >= 5000
    link_tree(tree, tmp_path / "again")
    assert usage_of(tree) == Usage(3, usage_of(tree).size_bytes)
    assert usage_of(tree).size_bytes < 5000


def test_removed_with_what_is_in_it_and_nothing_else(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (tree / "out").symlink_to(outside)
    (tree / "sub").chmod(0o500)
    remove_tree(tree)
    assert not tree.exists()
    assert (outside / "kept").exists()
