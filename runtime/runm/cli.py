"""The command line of `runm`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from bronzewillow.host.verbs import Verbs
from runtime.refusal import Refusal

_EXIT_FAILED, _EXIT_USAGE = 1, 2
_VERBS = {
    "serve": "serve_verb:serve_command",
    "create": "create_verb:create",
    "pull": "transfer_verbs:pull_image",
    "push": "transfer_verbs:push_image",
    "tags": "transfer_verbs:tags",
    "login": "transfer_verbs:login",
    "logout": "transfer_verbs:logout",
    "list": "image_verbs:list_images",
    "show": "image_verbs:show",
    "inspect": "image_verbs:inspect",
    "tag": "image_verbs:tag",
    "rm": "image_verbs:remove",
    "save": "store_verbs:save_images",
    "load": "store_verbs:load_images",
    "verify": "store_verbs:verify",
    "prune": "store_verbs:prune",
    "start": "oci_verbs:start",
    "state": "oci_verbs:state",
    "kill": "oci_verbs:kill",
    "delete": "oci_verbs:delete",
    "ps": "oci_verbs:list_containers",
    "events": "oci_verbs:events",
}
"""Where each is; only the one that is wanted is imported, as pods wait for it."""
_ELSEWHERE = {"run": "serve", "build": "create", "images": "list", "ls": "list", "rmi": "rm", "stop": "kill"}
"""Verbs of Docker and Ollama, and ours for the same."""


class _Verbs(Verbs):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if (ours := _ELSEWHERE.get(args[0])) is not None:
            ctx.fail(f"No such command {args[0]!r}; here it is `runm {ours}`.")
        return super().resolve_command(ctx, args)


def main() -> NoReturn:
    """Run the command line; errors are one line on standard error, exit 1, or 2 for a wrong command."""
    code = 0
    try:
        code = cli.main(prog_name="runm", standalone_mode=False) or 0
    except click.exceptions.Exit as err:
        code = err.exit_code
    except click.exceptions.NoArgsIsHelpError as err:
        click.echo(err.format_message(), err=True)
        code = _EXIT_USAGE
    except click.UsageError as err:
        code = _complain(err.format_message(), _EXIT_USAGE)
    except click.ClickException as err:
        code = _complain(err.format_message(), _EXIT_FAILED)
    except Refusal as err:
        code = _complain(str(err), _EXIT_FAILED)
    except OSError as err:
        reason = err.strerror or str(err)
        code = _complain(f"{err.filename}: {reason}" if err.filename else reason, _EXIT_FAILED)
    except (click.Abort, KeyboardInterrupt):
        code = 130
    _leave(code)


def _complain(message: str, code: int) -> int:
    click.echo(f"runm: {' '.join(message.split())}", err=True)
    return code


def _leave(code: int) -> NoReturn:
    """Exit past the interpreter's end, which would wait for, or crash on, a C++ thread that still loads a
    model.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@click.group(
    cls=_Verbs,
    package="runtime.runm",
    places=_VERBS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="bronzewillow", message="%(prog)s %(version)s")
def cli() -> None:
    """Run a model."""
