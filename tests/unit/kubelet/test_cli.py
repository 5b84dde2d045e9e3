from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from kubelet.cli import cli


def test_its_verbs() -> None:
    assert set(cli.commands) == {"join", "leave", "run"}


def test_a_machine_that_has_not_joined_cannot_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["run", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "`bronzewillow join` makes it one" in result.output
