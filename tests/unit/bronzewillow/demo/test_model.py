"""Where the demo's model comes from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bronzewillow.demo.errors import DemoError
from bronzewillow.demo.model import fetch_model
from bronzewillow.testing.aio import run


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of Python's, since the real one would fetch 90 MB."""
    path = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(path))
    return path


def test_the_last_line_is_the_path(program: Path) -> None:
    program.write_text(
        '#!/bin/sh\ntest "$*" = "-m runtime.models.smollm2" || exit 9\necho fetched\necho /m.gguf\n'
    )
    program.chmod(0o700)
    assert run(fetch_model()) == Path("/m.gguf")


def test_a_failure_says_what_to_do(program: Path) -> None:
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    with pytest.raises(DemoError, match="name a GGUF file with --model"):
        run(fetch_model())
