"""`llm-kubelet join` and `llm-kubelet leave`, which `bronzewillow join` and `bronzewillow leave` execute."""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from setproctitle import setproctitle

from bronzewillow.host.command import CommandError, log_level_option, log_to_stderr
from bronzewillow.host.membership_options import join_words, leave_words
from bronzewillow.kube.client import KubeClient
from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.pins import parse_pin
from kubelet.certificates.requests import check_node_name
from kubelet.certificates.server_url import https_server
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.errors import MembershipError, UnreadableMembership
from kubelet.membership.home import Home
from kubelet.membership.join import ByKubeconfig, ByToken, node_name_of, trusted_access
from kubelet.membership.join import join as join_cluster
from kubelet.membership.leave import LeaveOptions, Leaving
from kubelet.membership.network_departure import withdraw_network
from kubelet.membership.presence import Presence
from kubelet.membership.setup import setup_manifest
from kubelet.refusal import Refusal

_T = TypeVar("_T")
_LONGEST_TOKEN = 4096
_END_S = 30.0
TAINT = "bronzewillow.io/llm=true:NoSchedule"


@click.command(params=join_words())
@click.option("--node-name", help="The Node's name; the host's by default.")
@log_level_option("warning")
def join(
    address: str | None,
    server: str | None,
    token: str | None,
    token_file: Path | None,
    pins: tuple[str, ...],
    unsafe_skip_ca_verification: bool,
    kubeconfig: Path | None,
    node_name: str | None,
    home: Path,
    print_setup: bool,
    log_level: str,
) -> None:
    """Make this machine a node of a cluster. What `kubeadm token create --print-join-command` prints can be
    pasted behind it.
    """
    if print_setup:
        click.echo(setup_manifest(TAINT), nl=False)
        return
    if token is not None:
        setproctitle("llm-kubelet join")
    log_to_stderr(log_level)
    try:
        if kubeconfig is not None:
            if server or address or token_file or pins:
                raise click.UsageError("--kubeconfig says all that SERVER, --token and --ca-cert-hash say")
            how: ByToken | ByKubeconfig = ByKubeconfig(kubeconfig)
            node_name = node_name or _run(node_name_of(kubeconfig))
        else:
            how = _by_token(server or address, token, token_file, pins, unsafe_skip_ca_verification)
        name = _as_usage(check_node_name, node_name or default_node_name(platform.node()))
        place = Home(home)
        if Presence(home).is_running():
            raise CommandError(_is_running(place))
        warn = partial(click.echo, err=True)
        membership = _run(join_cluster(how, name, place, SystemClock(), click.echo, warn))
    except Refusal as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or home}: {error.strerror or error}") from None
    click.echo(f"{membership.node_name} has joined {membership.server}")


@click.command(params=leave_words())
@log_level_option("warning")
def leave(home: Path, timeout: float, force: bool, kubeconfig: Path | None, log_level: str) -> None:
    """Take this machine out of its cluster: drain it, end llm-kubelet, forget who it was."""
    log_to_stderr(log_level)
    try:
        _run(_leave(Home(home), LeaveOptions(timeout, force), kubeconfig))
    except Refusal as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or home}: {error.strerror or error}") from None


def default_node_name(host: str) -> str:
    """`Johns-MacBook-Pro.local` is johns-macbook-pro."""
    return host.lower().removesuffix(".local")


def _is_running(home: Home) -> str:
    """Why nobody may join while llm-kubelet runs. MembershipError."""
    found = home.membership()
    who = f"node {found.node_name} of {found.server}" if found is not None else "a node"
    return f"this machine is {who}, and runs: bronzewillow status shows it, bronzewillow leave takes it out"


async def _leave(home: Home, options: LeaveOptions, kubeconfig: Path | None) -> None:
    try:
        membership = home.membership()
    except UnreadableMembership:
        if not options.force:
            raise
        home.forget()
        click.echo("the identity is forgotten; an administrator removes the Node: kubectl delete node NAME")
        return
    if membership is None:
        raise MembershipError(f"{home.folder}: this machine is no node of a cluster")
    presence, clock = Presence(home.folder), SystemClock()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(KubeClient(home.access()))
        administrator = None
        if kubeconfig is not None:
            administrator = await stack.enter_async_context(KubeClient(trusted_access(kubeconfig)))
        stack.enter_context(presence.leaving())
        leaving = Leaving(
            client,
            membership,
            lambda: presence.end(_END_S, clock),
            lambda: withdraw_network(home, membership.node_name),
            options,
            clock,
            click.echo,
            administrator,
        )
        await leaving.run(home, is_kubelet_running=presence.is_running())


def _by_token(
    server: str | None,
    token: str | None,
    token_file: Path | None,
    pins: tuple[str, ...],
    is_pin_waived: bool,
) -> ByToken:
    """What the words of the command line say of the cluster and the token. Refusal, click.UsageError."""
    if not server:
        raise click.UsageError("SERVER is missing: the address of the API server, such as 10.0.0.1:6443")
    if token is None and token_file is None:
        raise click.UsageError("--token-file or --token is missing; `kubeadm token create` makes one")
    if not pins and not is_pin_waived:
        raise click.UsageError(
            "--ca-cert-hash is missing: without it whoever has the token can play the cluster "
            "(--unsafe-skip-ca-verification accepts that)"
        )
    # a file that is named wins over a variable that was exported once
    text = _read_token(token_file) if token_file is not None else token or ""
    found = {_as_usage(parse_pin, pin) for pin in pins}
    url = _as_usage(partial(https_server, where="SERVER"), server)
    return ByToken(url, _as_usage(parse_token, text), found)


def _as_usage(parse: Callable[[str], _T], text: str) -> _T:
    """What an option says. click.UsageError."""
    try:
        return parse(text)
    except InvalidArgument as error:
        raise click.UsageError(str(error)) from None


def _read_token(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read(_LONGEST_TOKEN)
    with path.open("rb") as file:
        return file.read(_LONGEST_TOKEN).decode("ascii", "replace")


def _run(main: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(main)
