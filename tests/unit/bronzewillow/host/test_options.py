from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bronzewillow.host.options import FilePath, Seconds, check_duration, duration_ns


@click.command()
@click.option("--file", type=FilePath(), default=lambda: Path("default"))
@click.option("--wait", type=Seconds(min=0), default=1.5)
@click.option("--since", callback=check_duration)
def command(file: Path, wait: float, since: str | None) -> None:
    assert isinstance(file, Path)
    click.echo(f"{file} {wait} {since or ''}")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 0, "default 1.5 \n"),
        (("--file", ".", "--wait", "0"), 0, ". 0.0 \n"),
        (("--wait", "inf"), 0, "default inf \n"),
        (("--file", ""), 2, "'--file': is empty; name a file or a folder"),
        (("--wait", "nan"), 2, "'--wait': 'nan' is no number of seconds"),
        (("--wait", "-1"), 2, "-1.0 is not in the range"),
        (("--since", "1h30m"), 0, "default 1.5 1h30m\n"),
        (("--since", "5"), 2, "'--since': '5': write a duration such as 30s, 5m or 1h30m"),
        (("--since", ""), 2, "'--since': '': write a duration"),
    ],
)
def test_what_an_option_may_say(words: tuple[str, ...], code: int, says: str) -> None:
    result = CliRunner().invoke(command, words)
    assert (result.exit_code, says in result.output) == (code, True), result.output


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0), ("30s", 30 * 10**9), ("1h30m", 5400 * 10**9), ("1.5s", 1_500_000_000), ("7ns", 7),
        ("2µs", 2000), ("2us", 2000), ("20ms", 20_000_000), ("0.5ns", 0),
    ],
)  # fmt: skip
def test_a_duration(text: str, ns: int) -> None:
    assert duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 s", "s", "5d", "1h30", "٥s", "1s" * 8, "9" * 13 + "h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration such as 30s, 5m or 1h30m"):
        duration_ns(text)
