"""`bronzewillow forward`."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from bronzewillow.agent.asking import control_option, get_json
from bronzewillow.host.command import CommandError, log_to_stderr
from bronzewillow.host.paths import door_socket
from bronzewillow.supervise.forward import Way, forward


class _Port(click.IntRange):
    """A number, of which a name is no way to say it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            self.fail(f"{value!r}: write its number, such as 8080; ports have no names here", param, ctx)
        return super().convert(value, param, ctx)


@click.command("forward", short_help="Lead a port of 127.0.0.1 to a port of a pod.")
@click.argument("pod")
@click.argument("port", type=_Port(1, 65535), default=8080)
@click.option(
    "--local-port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="any",
    help="The port on 127.0.0.1.",
)
@control_option
def forward_command(pod: str, port: int, local_port: int, control: Path) -> None:
    """Lead a port of 127.0.0.1 to PORT of POD, until Ctrl-C.

    POD is its name or the beginning of it, with or without NAMESPACE/, or its address. PORT is 8080 by
    default.
    """
    log_to_stderr("info")
    try:
        asyncio.run(_forward(pod, port, local_port, control))
    except OSError as error:
        # asyncio's own words say the address again
        reason = os.strerror(error.errno).lower() if error.errno else error
        raise CommandError(f"127.0.0.1:{local_port}: {reason}; choose another with --local-port") from None


async def _forward(pod: str, port: int, local_port: int, control: Path) -> None:
    async def find() -> str:
        answer = await get_json(control, "/status")
        return find_pod(pod, [(one["name"], one["address"]) for one in answer["pods"]])

    address = await find()
    way = Way(door_socket(control), find, port)
    server = await forward(way, local_port)
    click.echo(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]} leads to {address}:{port}")
    await way.knock()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    server.close()


def find_pod(wanted: str, pods: Iterable[tuple[str, str]]) -> str:
    """Its address, by `namespace/name`, `name`, the beginning of either, or the address. CommandError."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(wanted))
    known: dict[str, str] = {}
    for name, address in pods:
        if name != "node":
            known.setdefault(name, address)  # of a pod of both families the first
    whole = [name for name in known if wanted in (name, name.partition("/")[2])]
    begun = [name for name in known if name.startswith(wanted) or name.partition("/")[2].startswith(wanted)]
    found = whole or begun
    if len(found) == 1:
        return known[found[0]]
    names = ", ".join(sorted(known)) or "none"
    raise CommandError(
        f"pod {wanted!r}: {'is not the only one' if found else 'is not here'}; there are: {names}"
    )
