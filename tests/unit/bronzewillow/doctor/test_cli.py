"""The command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.doctor import cli
from bronzewillow.doctor.cli import doctor
from bronzewillow.doctor.findings import Finding, Verdict


def test_a_line_each_and_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "check_kernel", lambda: Finding(Verdict.WARNING, "packet kernel", "interpreted"))
    monkeypatch.setattr(cli, "check_programs", lambda: [Finding(Verdict.GOOD, "runm", "here")])
    monkeypatch.setattr(cli, "check_socket", lambda *_: Finding(Verdict.GOOD, "sockets", "short enough"))
    ended = CliRunner().invoke(doctor)
    assert (ended.exit_code, len(ended.output.splitlines())) == (0, 3)
    monkeypatch.setattr(cli, "check_programs", lambda: [Finding(Verdict.BROKEN, "runm", "is not there")])
    assert CliRunner().invoke(doctor).exit_code == 1


def test_mistakes(tmp_path: Path) -> None:
    ended = CliRunner().invoke(doctor, ["--kubeconfig", str(tmp_path / "none"), "--pod-pool", "10.0.0.1/24"])
    assert ended.exit_code == 2
    assert "--pod-pool" in ended.output
