from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kubelet.node.power import PowerAssertion


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """One that runs until it is ended, as caffeinate does."""
    path = tmp_path / "caffeinate"
    path.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.read()\nimport signal\nsignal.pause()\n")
    path.chmod(0o755)
    return path


def test_it_is_held_once_and_released(program: Path) -> None:
    assertion = PowerAssertion(str(program))
    assert not assertion.is_held
    assertion.hold()
    first = assertion._process
    assertion.hold()
    assert assertion.is_held
    assert assertion._process is first
    assertion.release()
    assert not assertion.is_held
    assertion.release()


def test_where_there_is_no_such_program_nothing_is_held(tmp_path: Path) -> None:
    assertion = PowerAssertion(str(tmp_path / "none"))
    assertion.hold()
    assert not assertion.is_held


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "caffeinate"
    path.write_text("no program")
    path.chmod(0o755)
    assertion = PowerAssertion(str(path))
    assertion.hold()
    assert not assertion.is_held
    assert str(path) in caplog.text
