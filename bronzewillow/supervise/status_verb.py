"""`bronzewillow status`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from bronzewillow.agent.cli import control_option, get_json, json_option
from bronzewillow.agent.report import status_lines
from bronzewillow.host.command import CommandError
from bronzewillow.supervise.pods_report import pods_lines


@click.command()
@control_option
@json_option
def status(control: Path, as_json: bool) -> None:
    """Show the node, its peers and pods, the models in them, and what was dropped."""
    answer, pods, trouble = asyncio.run(_ask(control))
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
    if trouble is not None:
        raise trouble


async def _ask(control: Path) -> tuple[Any, list[dict[str, Any]] | None, CommandError | None]:
    """What the agent says, what the runtime beside it says, and what is wrong."""
    pods = await _ask_runtime(control.parent)
    try:
        return await get_json(control, "/status"), pods, None
    except CommandError as error:
        return None, pods, error


async def _ask_runtime(folder: Path) -> list[dict[str, Any]] | None:
    """None when there is none."""
    cri = folder / "cri.sock"
    if not cri.exists():
        return None
    from bronzewillow.supervise.pods_view import pods_view  # gRPC takes a quarter of a second to come in

    return await pods_view(cri.absolute(), folder.absolute() / "p")
