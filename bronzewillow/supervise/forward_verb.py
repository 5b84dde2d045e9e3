"""`bronzewillow forward`."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import re
import signal
from collections.abc import Iterable
from pathlib import Path

import click

from bronzewillow.agent.asking import control_option, get_json
from bronzewillow.host.command import CommandError, log_to_stderr
from bronzewillow.host.paths import door_socket
from bronzewillow.supervise.forward import Way, forward

_PORT_NAME = re.compile(r"(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


def _port(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    """A number, or a name as a manifest may give it."""
    if _PORT_NAME.fullmatch(value):
        return value
    if _NUMBER.fullmatch(value) is None:
        raise click.BadParameter(f"{value!r}: write its number, such as 8080, or its name, such as http")
    if not 1 <= int(value) <= 65535:
        raise click.BadParameter(f"{value} is not in the range 1<=x<=65535.")
    return int(value)


@click.command("forward", short_help="Lead a port of 127.0.0.1 to a port of a pod.")
@click.argument("pod")
@click.argument("port", default="8080", callback=_port)
@click.option(
    "--local-port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="any",
    help="The port on 127.0.0.1.",
)
@control_option
def forward_command(pod: str, port: int | str, local_port: int, control: Path) -> None:
    """Lead a port of 127.0.0.1 to PORT of POD, until Ctrl-C.

    POD is its name or the beginning of it, with or without NAMESPACE/, or its address. PORT is a number, or
    the name that a container of the pod gives it; 8080 by default.
    """
    log_to_stderr("info")
    try:
        asyncio.run(_forward(pod, port, local_port, control))
    except OSError as error:
        # asyncio's own words say the address again
        reason = os.strerror(error.errno).lower() if error.errno else error
        raise CommandError(f"127.0.0.1:{local_port}: {reason}; choose another with --local-port") from None


async def _forward(pod: str, port: int | str, local_port: int, control: Path) -> None:
    async def pods() -> list[tuple[str, str]]:
        answer = await get_json(control, "/status")
        return [(one["name"], one["address"]) for one in answer["pods"]]

    async def find() -> str:
        return find_pod(pod, await pods())

    address = find_pod(pod, known := await pods())
    if isinstance(port, str):
        name = next((name for name, other in known if other == address), pod)
        port = await _number_of(port, name, control.absolute().with_name("cri.sock"))
    way = Way(door_socket(control), find, port)
    server = await forward(way, local_port)
    click.echo(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]} leads to {address}:{port}")
    await way.knock()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    server.close()


async def _number_of(port: str, pod: str, cri: Path) -> int:
    from bronzewillow.supervise.pods_view import port_names  # gRPC takes a quarter of a second to come in

    names = await port_names(cri, pod)
    if names is None:
        raise CommandError(f"{cri}: no container runtime answers here that knows {port!r}; write its number")
    if port not in names:
        told = ", ".join(sorted(names)) or "none"
        raise CommandError(
            f"pod {pod!r}: no port is called {port!r}; there are: {told}; its number will do, too"
        )
    return names[port]


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
