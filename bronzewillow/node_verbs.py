"""`join` and `leave`: the node is llm-kubelet's business, so this process becomes `llm-kubelet join ...`.

A token on the command line can be read by every user of the machine, for as long as the process has it there.
It goes into a pipe before the other program takes over, which reads it as a file.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bronzewillow.host.command import CommandError

_PROGRAM = "llm-kubelet"
_FORWARDED = {"ignore_unknown_options": True, "allow_interspersed_args": False}
_TOKEN = "--token"


@click.command(context_settings=_FORWARDED, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def join(arguments: tuple[str, ...]) -> None:
    """Make this machine a node of a cluster (`llm-kubelet join`)."""
    become("join", arguments)


@click.command(context_settings=_FORWARDED, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def leave(arguments: tuple[str, ...]) -> None:
    """Take this machine out of its cluster (`llm-kubelet leave`)."""
    become("leave", arguments)


def become(verb: str, arguments: Sequence[str]) -> None:
    """Does not return. CommandError."""
    program = _find()
    others, token = without_token(arguments)
    if token is not None:
        others += ["--token-file", f"/dev/fd/{_readable(token)}"]
    sys.stdout.flush()
    os.execv(program, [_PROGRAM, verb, *others])


def without_token(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """The arguments without `--token VALUE` and `--token=VALUE`, and the last value."""
    others: list[str] = []
    token = None
    rest = iter(arguments)
    for argument in rest:
        name, separator, value = argument.partition("=")
        if name != _TOKEN:
            others.append(argument)
        elif separator:
            token = value
        elif (token := next(rest, None)) is None:
            others.append(argument)  # for llm-kubelet to say that its value is missing
    return others, token


def _find() -> Path:
    """Beside this program, where one installation puts both; else on the PATH."""
    beside = Path(sys.argv[0]).absolute().with_name(_PROGRAM)
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which(_PROGRAM)
    if found is None:
        raise CommandError(
            f"{_PROGRAM}: not found beside this program, nor on the PATH; install bronzewillow anew"
        )
    return Path(found)


def _readable(text: str) -> int:
    """A descriptor that the next program inherits, and that gives `text` once."""
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    os.write(writer, text.encode()[:4096])  # a pipe takes so much without a reader
    os.close(writer)
    return reader
