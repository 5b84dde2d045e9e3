"""What options of the agent may say, as callbacks of click: what is meant, or click.BadParameter."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import click

from bronzewillow.agent.tcp_settings import parse_settings
from bronzewillow.overlay.spec import Prefix
from bronzewillow.stack import TcpConfig


def parse_endpoint(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    """HOST:PORT."""
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        raise click.BadParameter(f"{value!r}: write HOST:PORT")
    return host, int(port)


def parse_loopback(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    """HOST:PORT, where nobody but this machine's programs comes."""
    found = parse_endpoint(context, parameter, value)
    if found is not None and found[0] not in ("localhost", "127.0.0.1", "::1", "[::1]"):
        raise click.BadParameter(f"{value!r}: everybody there could reach every pod; say 127.0.0.1:PORT")
    return found


def parse_addresses(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[bytes, ...]:
    """One address, or one of each family."""
    try:
        found = tuple(ip_address(value).packed for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if len({len(address) for address in found}) < len(found):
        raise click.BadParameter("one of IPv4 and one of IPv6 is the most")
    return found


def parse_prefixes(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[Prefix, ...]:
    """Ranges of addresses."""
    try:
        networks = [ip_network(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return tuple((network.network_address.packed, network.prefixlen) for network in networks)


def parse_tcp(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> TcpConfig | None:
    """KEY=VALUE; None for none."""
    try:
        return parse_settings(values) if values else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
