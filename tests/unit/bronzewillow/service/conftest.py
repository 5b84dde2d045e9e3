"""A home, and the programs of an init system that note what they are told."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Programs:
    """In a folder that comes first in PATH."""

    folder: Path

    def make(self, name: str, script: str = "") -> None:
        """A program that notes its words; the script sees its folder as $D."""
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nD={self.folder}\necho "{name} $*" >> $D/calls\n{script}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        """Since the last look."""
        path = self.folder / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return found


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Programs(folder)


@pytest.fixture
def no_wait() -> Callable[[float], None]:
    """Time that passes at once."""
    return lambda seconds: None
