"""hostPath stays below what is allowed."""

from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kubelet.volumes.errors import VolumeError
from kubelet.volumes.host_path import host_path


def test_below_a_root(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    assert host_path(str(tmp_path / "models"), "", [tmp_path]) == tmp_path / "models"
    assert host_path(str(tmp_path), "Directory", [tmp_path]) == tmp_path


@pytest.mark.parametrize("path", ["/etc", "relative"])
def test_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(VolumeError, match="is not a"):
        host_path(path, "", [tmp_path])


def test_nothing_is_allowed_by_itself() -> None:
    with pytest.raises(VolumeError, match=r"which allows nothing \(--allow-host-path\)"):
        host_path("/etc", "", [])


def test_no_way_leads_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    for path in (root / "out", root / ".." / "x"):
        with pytest.raises(VolumeError, match="is not allowed"):
            host_path(str(path), "DirectoryOrCreate", [root])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Directory", "is not a directory"), ("File", "is not a file"), ("Socket", "is not a socket"),
        ("BlockDevice", "is not a block device"), ("Nonsense", "hostPath type Nonsense is not known"),
    ],
)  # fmt: skip
def test_types_are_checked(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(VolumeError, match=words):
        host_path(str(tmp_path / "none"), kind, [tmp_path])


def test_what_is_made(tmp_path: Path) -> None:
    assert host_path(str(tmp_path / "a/b"), "DirectoryOrCreate", [tmp_path]).is_dir()
    assert host_path(str(tmp_path / "a/f"), "FileOrCreate", [tmp_path]).is_file()
    with pytest.raises(VolumeError, match=r"File exists|is not a directory"):
        host_path(str(tmp_path / "a/f"), "DirectoryOrCreate", [tmp_path])
    with pytest.raises(VolumeError, match="No such file"):
        host_path(str(tmp_path / "none/f"), "FileOrCreate", [tmp_path])


def test_a_socket() -> None:
    with TemporaryDirectory(prefix="bw") as name, socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{name}/s")
        assert host_path(f"{name}/s", "Socket", [Path(name)]) == Path(name).resolve() / "s"
