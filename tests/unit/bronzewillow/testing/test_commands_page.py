"""The page of all commands, and what it wants of them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click
import pytest

from bronzewillow.testing.commands_page import PROGRAMS, commands, options, render

ROOT = Path(__file__).parents[4]
NOT_OF_A_USER = {"bronzewillow-cni", "containerd-shim-runm-v2"}


def test_every_program_is_on_it() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert PROGRAMS.keys() == scripts.keys() - NOT_OF_A_USER


@pytest.mark.parametrize(
    "command", [pytest.param(command, id=context.command_path) for context, command in commands()]
)
def test_a_command_and_each_of_its_options_say_what_they_do(command: click.Command) -> None:
    assert command.help
    assert [one.name for one in options(command) if not one.help] == []


def test_a_command_has_its_usage_and_a_row_for_each_option() -> None:
    page = render()
    assert "```\nbronzewillow policy explain [OPTIONS] SRC DST PORT\n```" in page
    assert "| `--node-name TEXT` | the host name | This node's name. |" in page
    assert "| `--listen unix:PATH\\|HOST:PORT` | required |" in page
    assert "--help" not in page.partition("\n## ")[2]


def test_hidden_commands_are_left_out() -> None:
    assert "bronzewillow withdraw" not in render()
