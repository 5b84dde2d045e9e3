from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kubelet.cli import cli


def test_its_verbs() -> None:
    assert set(cli.commands) == {"join", "leave", "logs", "run"}


def test_a_machine_that_has_not_joined_cannot_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["run", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "`bronzewillow join` makes it one" in result.output


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("here", "'here' does not appear to be an IPv4 or IPv6 address"),
        ("192.0.2.7,", "'' does not appear"),
        ("192.0.2.7,192.0.2.8", "one of IPv4 and one of IPv6 is the most"),
    ],
)
def test_an_address_that_is_none_is_told(tmp_path: Path, given: str, told: str) -> None:
    result = CliRunner().invoke(cli, ["run", "--home", str(tmp_path), "--node-ip", given])
    assert result.exit_code == 2
    assert "--node-ip" in result.output and told in " ".join(result.output.split())


def test_an_address_of_each_family_is_taken(tmp_path: Path) -> None:
    given = "192.0.2.7, 2001:DB8::7"
    result = CliRunner().invoke(cli, ["run", "--home", str(tmp_path), "--node-ip", given])
    assert "`bronzewillow join` makes it one" in result.output
