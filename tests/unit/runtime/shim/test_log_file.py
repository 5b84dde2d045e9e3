from __future__ import annotations

from pathlib import Path

import pytest

from runtime.shim.log_file import LogFile


def test_append_and_reopen(tmp_path: Path) -> None:
    path = tmp_path / "pod/0.log"
    log = LogFile(path)
    log.append(b"a\n")
    path.rename(tmp_path / "pod/0.log.1")
    log.append(b"b\n")
    log.reopen()
    log.append(b"c\n")
    log.close()
    assert (tmp_path / "pod/0.log.1").read_text() == "a\nb\n"
    assert path.read_text() == "c\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_its_size_has_a_bound(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log", 100)
    (tmp_path / "0.log.20200101-000000").write_text("older")
    for number in range(30):
        log.append(b"%09d\n" % number)
    log.close()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) == 2 and "0.log.20200101-000000" not in kept
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 200
    assert (tmp_path / "0.log").read_text().endswith("000000029\n")


def test_a_full_disk_costs_only_what_comes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = LogFile(tmp_path / "0.log")

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        log.append(b"lost\n")
        log.append(b"lost\n")
    log.append(b"kept\n")
    log.close()
    assert (tmp_path / "0.log").read_text() == "kept\n"
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and "No space left" in said[0] and "10 bytes" in said[1]


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        LogFile(tmp_path / "file" / "0.log")
