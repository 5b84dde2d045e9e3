"""`bronzewillow join`: from a token to a node that runs.

Who this machine is in the cluster is llm-kubelet's business (`llm-kubelet join`), which is run first. Then
this process is the node, as `bronzewillow up`; where a service is installed, that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from bronzewillow.host.command import CommandError
from bronzewillow.membership.kubelet_program import help_of, run_kubelet_verb
from bronzewillow.service.job import ServiceError
from bronzewillow.service.system import user_service
from bronzewillow.supervise.joined import Joined, joined
from bronzewillow.supervise.node_words import NodeWords, bring_up, node_options, told_as_one_line
from bronzewillow.supervise.run import live_in

_HELP = {"-h", "--help"}
_PRINT = "--print-setup"
_HOME = "--home"


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[SERVER]")
@node_options
@click.option("--no-start", "is_kept_still", is_flag=True, help="Join, and start nothing.")
@click.pass_context
def join(context: click.Context, /, arguments: tuple[str, ...], is_kept_still: bool, **words: Any) -> None:
    """Make this machine a node of a cluster, and start it. Ctrl-C ends the node, which stays joined.

    The rest of `kubeadm join ...` can be pasted behind it. Where `bronzewillow install` has made a service,
    that is what starts.
    """
    if _HELP & {*arguments}:
        click.echo(context.get_help())
        click.echo("\n" + _further_options(help_of("join")))
        return
    if _PRINT in arguments:
        raise SystemExit(run_kubelet_verb("join", arguments))
    node = NodeWords(**words).checked()
    if not is_kept_still and any(word.partition("=")[0] == _HOME for word in arguments):
        raise click.UsageError(f"{_HOME} goes with --no-start: a node that starts has its identity in --root")
    if node.root is not None:
        with told_as_one_line():
            live_in(node.root)
    if not arguments and (cluster := joined()) is not None:
        raise CommandError(_is_one_already(cluster))
    if code := run_kubelet_verb("join", (*arguments, *_of_node(node))):
        raise SystemExit(code)
    if is_kept_still:
        click.echo("start it by: bronzewillow up, or, at each login: bronzewillow install")
    elif node.root is None and user_service().is_installed():
        _hand_over(node)
    else:
        bring_up(node)


def _of_node(node: NodeWords) -> Sequence[str]:
    """What both parts are told."""
    return [
        *(("--node-name", node.node_name) if node.node_name else ()),
        *(("--log-level", node.log_level) if node.log_level != "info" else ()),
    ]


def _hand_over(node: NodeWords) -> None:
    """Let the installed service be the node. CommandError."""
    if node.up_arguments():
        click.echo("the service starts as it was installed: give `bronzewillow install` the same options")
    service = user_service()
    try:
        service.restart()
    except ServiceError as error:
        raise CommandError(f"{error}; this machine has joined: bronzewillow up starts it") from None
    click.echo(f"its service starts it; its log: {service.log_hint}")


def _is_one_already(cluster: Joined) -> str:
    return (
        f"this machine has joined already: it is node {cluster.name} of {cluster.server}; "
        "bronzewillow up starts it, bronzewillow leave takes it out"
    )


def _further_options(text: str) -> str:
    """The options of another command's help, under a title of their own."""
    _, _, options = text.partition("Options:\n")
    return f"Options of joining:\n{options.rstrip()}"
