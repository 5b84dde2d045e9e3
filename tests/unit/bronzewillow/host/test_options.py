from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bronzewillow.host.options import FilePath, Seconds


@click.command()
@click.option("--file", type=FilePath(), default=lambda: Path("default"))
@click.option("--wait", type=Seconds(min=0), default=1.5)
def command(file: Path, wait: float) -> None:
    assert isinstance(file, Path)
    click.echo(f"{file} {wait}")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 0, "default 1.5\n"),
        (("--file", ".", "--wait", "0"), 0, ". 0.0\n"),
        (("--wait", "inf"), 0, "default inf\n"),
        (("--file", ""), 2, "'--file': is empty; name a file or a folder"),
        (("--wait", "nan"), 2, "'--wait': 'nan' is no number of seconds"),
        (("--wait", "-1"), 2, "-1.0 is not in the range"),
    ],
)
def test_what_an_option_may_say(words: tuple[str, ...], code: int, says: str) -> None:
    result = CliRunner().invoke(command, words)
    assert (result.exit_code, says in result.output) == (code, True), result.output
