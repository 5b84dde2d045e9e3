"""`bronzewillow leave`: the node is llm-kubelet's business, so this process becomes `llm-kubelet leave`."""

from __future__ import annotations

import click

from bronzewillow.membership.kubelet_program import become


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def leave(arguments: tuple[str, ...]) -> None:
    """Take this machine out of its cluster (`llm-kubelet leave`)."""
    become("leave", arguments)
