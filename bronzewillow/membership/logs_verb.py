"""`bronzewillow logs`: pods are llm-kubelet's business, so this process becomes `llm-kubelet logs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bronzewillow.agent.asking import control_option
from bronzewillow.host.command import CommandError
from bronzewillow.host.logs_options import logs_words
from bronzewillow.host.membership_options import said
from bronzewillow.host.paths import control_socket
from bronzewillow.membership.kubelet_program import become
from bronzewillow.supervise.whereabouts import noted_socket

_WORDS = logs_words()


@click.command(params=[*_WORDS], short_help="Print what a container of a pod has written.")
@control_option
@click.pass_context
def logs(context: click.Context, /, control: Path, **words: Any) -> None:
    """Print what a container of POD has written, as `kubectl logs`; it needs no API server.

    POD is its name or the beginning of it, with or without NAMESPACE/.
    """
    cri = control.absolute().with_name("cri.sock")
    if not cri.exists():
        # a session by ssh, cron or su may have another runtime folder
        other = noted_socket() if control == control_socket() else None
        if other is not None and other.with_name("cri.sock").exists():
            raise CommandError(
                "a node is there whose sockets are elsewhere: bronzewillow logs "
                f"{context.params['pod']} --control {other}"
            )
        raise CommandError(
            f"{cri}: no container runtime is here: bronzewillow up starts a node with one, "
            "--control names that of another"
        )
    become("logs", ["--cri", str(cri), *said(context, _WORDS)])
