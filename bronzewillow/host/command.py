"""What all of our command lines share: errors in one line, logs on standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

CALLED_AS = "BRONZEWILLOW_CALLED_AS"
"""The variable by which a program that has another one do its work tells it what the user has called."""
_Command = TypeVar("_Command", bound=Callable[..., Any])


class CommandError(click.ClickException):
    """Ends the command with exit code 1 and `PROGRAM: message` for each line of the message."""


def run_command(program: str, command: Callable[..., object]) -> None:
    """Run a click command as `program`; every error that a user can cause is one line each."""
    program = os.environ.pop(CALLED_AS, program)  # of this process alone
    stdout = sys.stdout
    try:
        command(prog_name=program, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        _tell(program, error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _tell(program, error.format_message())
        sys.exit(error.exit_code)
    except OSError as error:
        # one of the system's that names no file is standard output's, as a rule: its disk is full
        place = error.filename or ("standard output" if error.errno else "")
        _tell(program, f"{place}: {error.strerror}" if place else str(error))
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except SystemExit:
        if sys.stdout is not stdout:  # the reader of our output has gone: click has put a silent one there
            sys.exit(141)
        raise


def log_level_option(default: str = "info") -> Callable[[_Command], _Command]:
    """`--log-level`, which `log_to_stderr` takes."""
    return click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default=default,
        show_default=True,
        help="The least severe messages that are logged.",
    )


def log_to_stderr(level: str) -> None:
    """Logs as one line each, with the module's name."""
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def _tell(program: str, message: str) -> None:
    for line in message.splitlines():
        click.echo(f"{program}: {line}", err=True)
