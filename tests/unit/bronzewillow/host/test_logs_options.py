from __future__ import annotations

from typing import Any

import click
from click.testing import CliRunner

from bronzewillow.host.logs_options import logs_words
from bronzewillow.host.membership_options import said

EVERYTHING = (
    "tiny", "-c", "llm", "-n", "default", "-f", "-p", "--tail", "-1", "--since", "1h30m",
    "--since-time", "2026-01-31T12:00:00Z", "--timestamps", "--limit-bytes", "9",
)  # fmt: skip


def test_another_program_is_told_the_same() -> None:
    words = logs_words()

    @click.command(params=[*words])
    @click.pass_context
    def command(context: click.Context, /, **_: Any) -> None:
        click.echo("\n".join(said(context, words)))

    assert tuple(CliRunner().invoke(command, EVERYTHING).output.split()) == EVERYTHING
    assert CliRunner().invoke(command, ["tiny", "--follow"]).output == "tiny\n-f\n"
