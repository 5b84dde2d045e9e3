"""`bronzewillow leave`: the node is llm-kubelet's business, so this process becomes `llm-kubelet leave`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bronzewillow.host.command import CommandError, log_level_option
from bronzewillow.host.membership_options import leave_words, said
from bronzewillow.host.options import FilePath
from bronzewillow.membership.kubelet_program import become
from bronzewillow.service.system import user_service
from bronzewillow.supervise.run import live_in

_WORDS = leave_words()


@click.command(params=[*_WORDS], short_help="Take this machine out of its cluster.")
@click.option("--root", type=FilePath(), metavar="DIR", help="The --root that the node was joined with.")
@log_level_option("warning")
@click.pass_context
def leave(context: click.Context, /, root: Path | None, log_level: str, **words: Any) -> None:
    """Take this machine out of its cluster: drain it, end its node, forget who it was."""
    if root is not None:
        if not root.is_dir():
            raise CommandError(f"{root}: is no folder, so no node lives there")
        live_in(root)
    elif user_service().is_installed():
        click.echo("its service stays, and starts at the next login: bronzewillow uninstall removes it")
    become("leave", [*said(context, _WORDS), "--log-level", log_level])
