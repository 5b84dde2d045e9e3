"""`bronzewillow install` and `bronzewillow uninstall`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bronzewillow.host.command import CommandError
from bronzewillow.service.job import Job, ServiceError, kept_environment
from bronzewillow.service.system import user_service
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.joined import joined
from bronzewillow.supervise.node_words import NodeWords, node_options
from bronzewillow.supervise.program import find_program


@click.command(short_help="Start the node at each login, as a service of the user.")
@node_options
@click.option("--print", "is_printed", is_flag=True, help="Print what would be written, and exit.")
def install(is_printed: bool, **words: Any) -> None:
    """Start the node at login, now, and whenever it fails: `bronzewillow up` as this user's own service.

    Its options are those that `up` is started with. It can be repeated with others, which take their place.
    """
    node = NodeWords(**words).checked()
    if node.log_file is not None:
        raise CommandError("--log-file: a service has a log of its own; the last line of install tells where")
    service = user_service()
    cluster = joined(node.root)
    with _told_as_one_line():
        node.meant(cluster)  # a service that `up` refuses would be started for ever
        job = Job((find_program("bronzewillow"), "up", *node.up_arguments()), kept_environment(os.environ))
        if is_printed:
            click.echo(service.text(job), nl=False)
            return
        is_changed = service.install(job)
        hints = service.hints(job)
    click.echo(
        "the node is installed, and starts" if is_changed else "the node is installed, and runs already"
    )
    if cluster is None and node.manifests is None:
        click.echo("it has no pods yet: bronzewillow join makes it a node of a cluster")
    elif cluster is not None:
        click.echo(f"it is node {cluster.name} of {cluster.server}")
    for hint in hints:
        click.echo(hint)
    click.echo(f"its log: {service.log_hint}")


@click.command(short_help="End and remove that service.")
def uninstall() -> None:
    """End the service that `bronzewillow install` made, and remove it. The machine stays in its cluster."""
    service = user_service()
    with _told_as_one_line():
        was_there = service.uninstall()
    click.echo("the service has ended, and is removed" if was_there else "no such service is installed")
    if (cluster := joined()) is not None:
        click.echo(
            f"this machine is still node {cluster.name} of {cluster.server}, and its pods go on: "
            "bronzewillow up starts it, bronzewillow leave takes it out"
        )


@contextmanager
def _told_as_one_line() -> Iterator[None]:
    try:
        yield
    except (ServiceError, UpError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror or error}") from None
