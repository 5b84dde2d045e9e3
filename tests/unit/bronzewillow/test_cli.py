from __future__ import annotations

from importlib.metadata import version

from click.testing import CliRunner

from bronzewillow.cli import cli


def test_help_has_the_commands_in_the_order_of_a_nodes_life_and_none_is_cut_short() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    lines = shown.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == [
        *("doctor", "join", "up", "install", "uninstall", "leave", "status", "logs"),
        *("forward", "flows", "capture", "policy", "agent", "demo"),
    ]
    assert not [line for line in lines if line.endswith("...")]


def test_version() -> None:
    result = CliRunner().invoke(cli, ["--version"], prog_name="bronzewillow")
    assert result.output == f"bronzewillow {version('bronzewillow')}\n"
