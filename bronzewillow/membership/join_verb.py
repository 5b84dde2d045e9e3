"""`bronzewillow join`: from a token to a node that runs.

Who this machine is in the cluster is llm-kubelet's business (`llm-kubelet join`), which is run first. Then
this process is the node, as `bronzewillow up`; where a service is installed, that is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource
from setproctitle import setproctitle

from bronzewillow.host.command import CommandError
from bronzewillow.host.membership_options import TOKEN_VARIABLE, join_words, said
from bronzewillow.membership.kubelet_program import run_kubelet_verb
from bronzewillow.service.job import ServiceError
from bronzewillow.service.system import user_service
from bronzewillow.supervise.joined import Joined, joined
from bronzewillow.supervise.node_words import NodeWords, bring_up, node_options, told_as_one_line
from bronzewillow.supervise.run import live_in

_WORDS = join_words()
_NAMES = {word.name for word in _WORDS}
_HOME = "home"


@click.command(params=[*_WORDS])
@click.option("--no-start", "is_kept_still", is_flag=True, help="Join, and start nothing.")
@node_options
@click.pass_context
def join(context: click.Context, /, is_kept_still: bool, **words: Any) -> None:
    """Make this machine a node of a cluster, and start it. Ctrl-C ends the node, which stays joined.

    What `kubeadm token create --print-join-command` prints can be pasted behind it. Where `bronzewillow
    install` has made a service, that is what starts.
    """
    if words["token"] is not None:
        setproctitle("bronzewillow join")  # everybody may read what we were called with
    joining = said(context, _WORDS)
    if words["print_setup"]:
        raise SystemExit(run_kubelet_verb("join", joining))
    node = NodeWords(**{name: value for name, value in words.items() if name not in _NAMES}).checked()
    if not is_kept_still and context.get_parameter_source(_HOME) is ParameterSource.COMMANDLINE:
        raise click.UsageError("--home goes with --no-start: a node that starts has its identity in --root")
    if node.root is not None:
        with told_as_one_line():
            live_in(node.root)
    if not joining and (cluster := joined()) is not None:
        raise CommandError(_is_one_already(cluster))
    if code := run_kubelet_verb("join", (*joining, *_of_node(node))):
        raise SystemExit(code)
    os.environ.pop(TOKEN_VARIABLE, None)  # else all that the node starts would have it
    if is_kept_still:
        root = "" if node.root is None else f" --root {node.root}"
        click.echo(f"start it by: bronzewillow up{root}, or, at each login: bronzewillow install{root}")
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
