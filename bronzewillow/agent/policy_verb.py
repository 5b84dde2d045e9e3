"""`bronzewillow policy explain`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from urllib.parse import urlencode

import click

from bronzewillow.agent.asking import control_option, get_json, json_option
from bronzewillow.host.command import CommandError

PROTOCOLS = ("TCP", "UDP", "SCTP")
_DENIED = 1


class CannotSay(CommandError):
    """There is no answer, which is not the answer `denied`."""

    exit_code = 2


@click.group()
def policy() -> None:
    """NetworkPolicies, as this node enforces them for its pods."""


@policy.command(short_help="Say whether SRC may connect to DST, and which rule decides.")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@click.argument("port")
@click.option(
    "--protocol", type=click.Choice(PROTOCOLS, case_sensitive=False), default="TCP", show_default=True,
    help="The protocol that PORT is of.",
)  # fmt: skip
@control_option
@json_option
def explain(source: str, destination: str, port: str, protocol: str, control: Path, as_json: bool) -> None:
    """Say whether SRC may connect to DST, and which policy and rule decide that.

    SRC and DST are NAMESPACE/POD, an IP address, or `host` for this node; DST may be a Service, by name or
    cluster IP. PORT is a number, or the name of a port of DST's pod.

    The exit code is 0 for allowed, 1 for denied, 2 where that cannot be said.
    """
    asked = {"source": source, "destination": destination, "port": port, "protocol": protocol.upper()}
    try:
        answer = asyncio.run(get_json(control, f"/explain?{urlencode(asked)}"))
    except CommandError as error:
        raise CannotSay(error.message) from None
    lines = answer.pop("lines")
    click.echo(json.dumps(answer) if as_json else "\n".join(lines))
    if not answer["allowed"]:
        sys.exit(_DENIED)
