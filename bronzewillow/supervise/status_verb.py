"""`bronzewillow status`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from bronzewillow.agent.asking import control_option, get_json, json_option
from bronzewillow.agent.report import status_lines
from bronzewillow.host.command import CommandError
from bronzewillow.host.paths import control_socket
from bronzewillow.supervise.pods_report import pods_lines
from bronzewillow.supervise.whereabouts import noted_socket


@click.command(short_help="Show the node, its peers, its pods and their models.")
@control_option
@json_option
def status(control: Path, as_json: bool) -> None:
    """Show the node, its peers and pods, the models in them, and what was dropped."""
    answer, pods, troubles = asyncio.run(_ask(control))
    if as_json and answer is not None:
        click.echo(json.dumps({**answer, "runtime": None if pods is None else {"pods": pods}}))
    elif not as_json:
        paragraphs = [
            "\n".join(lines)
            for lines in (
                status_lines(answer) if answer is not None else [],
                pods_lines(pods) if pods is not None else [],
            )
            if lines
        ]
        if paragraphs:
            click.echo("\n\n".join(paragraphs))
    if troubles:
        raise CommandError("\n".join(troubles))


async def _ask(control: Path) -> tuple[Any, list[dict[str, Any]] | None, list[str]]:
    """What the agent says, what the runtime beside it says if there is one, and what is wrong."""
    answer, pods, troubles = None, None, []
    cri = control.parent / "cri.sock"
    if cri.exists():
        pods = await _ask_runtime(cri)
        if pods is None:
            troubles.append(f"{cri}: no container runtime answers here")
    try:
        answer = await get_json(control, "/status")
    except CommandError as error:
        troubles.append(error.message)
        # a session by ssh, cron or su may have another runtime folder
        if control == control_socket() and (other := noted_socket()) not in (None, control.absolute()):
            troubles.append(
                f"a node is there whose sockets are elsewhere: bronzewillow status --control {other}"
            )
    return answer, pods, troubles


async def _ask_runtime(cri: Path) -> list[dict[str, Any]] | None:
    """None when it does not answer."""
    from bronzewillow.supervise.pods_view import pods_view  # gRPC takes a quarter of a second to come in

    return await pods_view(cri.absolute(), cri.absolute().with_name("p"))
