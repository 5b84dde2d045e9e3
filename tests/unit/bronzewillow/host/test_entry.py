from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bronzewillow.host.entry import run_program


def test_it_runs_what_is_at_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_program.py").write_text("def command(prog_name, **rest):\n    print(prog_name)\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        run_program("x", "a_program:command")
    finally:
        del sys.modules["a_program"]
    assert capsys.readouterr().out == "x\n"


def test_an_interrupt_among_the_imports_ends_it_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run_program("x", "interrupted:command")
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
