"""The command line of `llm-containerd`."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path

import click

from bronzewillow.host.command import CommandError, log_level_option, log_to_stderr
from bronzewillow.host.options import FilePath
from bronzewillow.host.paths import config_folder, runtime_folder, sandbox_sockets_folder, state_folder
from runtime.cri.exec_sync import Allowed
from runtime.cri.server import ServerConfig, serve
from runtime.refusal import Refusal
from runtime.runm.image_options import client_config, registry_options, store_option
from runtime.runm.listen import Address, parse_address
from runtime.streaming.server import HOST

_path = FilePath()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bronzewillow", message="%(prog)s %(version)s")
@click.option(
    "--socket", type=_path, default=lambda: runtime_folder() / "cri.sock",
    show_default="cri.sock in the user's runtime folder", help="Where CRI is served.",
)  # fmt: skip
@click.option(
    "--root", "records", type=_path, default=lambda: state_folder() / "cri",
    show_default="cri in the user's state folder", help="The folder for records of pods and containers.",
)  # fmt: skip
@store_option
@registry_options
@click.option(
    "--cni-conf-dir", "networks", type=_path, default=lambda: config_folder() / "cni" / "net.d",
    show_default="cni/net.d in the user's configuration",
    help="The folder with CNI's configuration; without a file there, the network is bronzewillow-cni's.",
)  # fmt: skip
@click.option(
    "--allow-exec", multiple=True, metavar="PROGRAM",
    help="A program that `exec` may run, on this machine, under exactly this name; may be repeated.",
)  # fmt: skip
@click.option(
    "--streaming", metavar="ADDRESS", default=f"{HOST}:0", show_default=f"{HOST}, any port",
    help="Where exec, attach and port-forward are served: HOST:PORT, on loopback.",
)  # fmt: skip
@log_level_option()
def command(
    socket: Path,
    records: Path,
    root: Path,
    insecure: tuple[str, ...],
    hosts_folder: Path,
    networks: Path,
    allow_exec: tuple[str, ...],
    streaming: str,
    log_level: str,
) -> None:
    """Run pods of models: the Container Runtime Interface on a unix socket."""
    log_to_stderr(log_level)
    config = ServerConfig(
        socket.absolute(), records.absolute(), root.absolute(), networks, sandbox_sockets_folder(),
        client_config(insecure, hosts_folder), Allowed(frozenset(allow_exec)), _loopback(streaming),
    )  # fmt: skip
    try:
        asyncio.run(serve(config))
    except (Refusal, ValueError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or socket}: {error.strerror or error}") from None


def _loopback(text: str) -> Address:
    """CommandError: a token is all that keeps strangers out, and it travels in the clear."""
    try:
        address = parse_address(text)
        if address.path is not None or not ip_address(address.host).is_loopback:
            raise ValueError("name an address of loopback and a port, such as 127.0.0.1:0")
    except ValueError as error:
        raise CommandError(f"--streaming {text}: {error}") from None
    return address
