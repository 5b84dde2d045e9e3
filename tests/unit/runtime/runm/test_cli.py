"""The command line: every wrong one is one line and an exit code."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from runtime.runm.cli import cli


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["serve"], "--listen"),
        (["serve", "--listen", "80"], "HOST:PORT"),
        (["serve", "--listen", "unix:/a", "--engine", "mlx"], "mlx"),
        (["serve", "--listen", "unix:/a", "--parallel", "0"], "--parallel"),
        (["serve", "--listen", "unix:/a", "--cors-origin", "a.example"], "no origin"),
        (["serve", "--listen", "unix:/a", "--api-key-file", "/nowhere"], "/nowhere: No such file"),
        (["serve", "--listen", "unix:/a", "--chat-template-file", "/nowhere"], "/nowhere"),
        (["serve", "--lissten", "x"], "--lissten"),
        (["dance"], "dance"),
        (["run", "tiny"], "No such command 'run'; here it is `runm serve`."),
        (["serve", "tiny"], "such as --listen 127.0.0.1:8080"),
    ],
)
def test_wrong_commands(arguments: list[str], word: str) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert word in result.output


def test_help() -> None:
    result = CliRunner().invoke(cli, ["serve", "--help"])
    assert result.exit_code == 0
    assert "--api-key-file" in result.output and "api-key " not in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["serve", "--listen", "unix:x"], 1, "--model"),
        (["serve"], 2, "--listen"),
        (["--help"], 0, "serve"),
        (["ps", "--root", __file__], 1, f"{__file__}: Not a directory"),
    ],
)
def test_process(arguments: list[str], code: int, word: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runtime.runm", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == code
    assert word in (result.stderr if code else result.stdout)
    if code:
        (line,) = result.stderr.splitlines()
        assert line.startswith("runm: ")


def test_version() -> None:
    result = CliRunner().invoke(cli, ["--version"], prog_name="runm")
    assert result.output == f"runm {version('bronzewillow')}\n"


def test_every_verb_is_there() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None and command.name == name
    assert cli.get_command(context, "dance") is None
