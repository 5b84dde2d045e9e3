from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.program import Program, find_program


def test_beside_python_or_in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    with pytest.raises(UpError, match="thing: is neither beside"):
        find_program("thing")
    for folder in ("path", "bin"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "thing").touch(mode=0o700)
        assert find_program("thing") == str(tmp_path / folder / "thing")
    assert Program("x", ("a", "b")).command == ("a", "b")
