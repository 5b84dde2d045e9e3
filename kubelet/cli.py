"""The command line of `llm-kubelet`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import click

from bronzewillow.host.command import CommandError, log_level_option, log_to_stderr
from bronzewillow.host.membership_options import home_option
from bronzewillow.host.options import FilePath
from bronzewillow.host.paths import door_socket, runtime_folder
from kubelet.eviction_options import eviction_options
from kubelet.logs.cli import logs
from kubelet.membership.cli import join, leave
from kubelet.membership.home import Home
from kubelet.model.thresholds import EvictionSettings
from kubelet.pods.node_shutdown import ShutdownGrace
from kubelet.refusal import Refusal
from kubelet.run import RunOptions, run_kubelet


def _node_ip(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        found = [ip_address(part.strip()) for part in value.split(",")] if value else []
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if len({address.version for address in found}) < len(found):
        raise click.BadParameter("one of IPv4 and one of IPv6 is the most")
    return ",".join(map(str, found))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bronzewillow", message="%(prog)s %(version)s")
def cli() -> None:
    """A Mac as a node of a Kubernetes cluster."""


@cli.command(params=[home_option()])
@click.option(
    "--cri", type=FilePath(), default=lambda: runtime_folder() / "cri.sock",
    show_default="cri.sock in the user's runtime folder", help="The container runtime's socket.",
)  # fmt: skip
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=10250,
    show_default=True,
    help="The port of the node's API.",
)
@click.option(
    "--node-ip", default="", metavar="IP[,IP]", callback=_node_ip,
    help="The node's address, or one of each family; by default found on the way to the API server.",
)  # fmt: skip
@click.option(
    "--door", type=FilePath(), default=door_socket,
    show_default="in the user's runtime folder",
    help="The socket of the network agent by which pods are probed.",
)  # fmt: skip
@click.option("--static-pods", type=FilePath(), help="A folder of manifests: static pods of this node.")
@click.option(
    "--allow-host-path", "host_paths", type=FilePath(), multiple=True,
    help="A folder below which hostPath volumes are allowed; may be repeated.",
)  # fmt: skip
@click.option(
    "--client-ca-file", "client_ca", type=FilePath(),
    help="The authorities of callers' certificates; by default those that the cluster names.",
)  # fmt: skip
@click.option(
    "--max-pods", type=click.IntRange(1, 500), default=110, show_default=True, help="The most pods at once."
)
@eviction_options
@click.option(
    "--shutdown-grace-period", "shutdown_s", type=click.IntRange(min=0), default=10, show_default=True,
    help="Seconds for pods to end when the machine goes down; 0 leaves them to the system.",
)  # fmt: skip
@click.option(
    "--shutdown-grace-period-critical-pods", "critical_s", type=click.IntRange(min=0), default=2,
    show_default=True, help="Of these, the seconds at the end that are for critical pods.",
)  # fmt: skip
@log_level_option()
def run(
    home: Path,
    cri: Path,
    port: int,
    node_ip: str,
    door: Path,
    static_pods: Path | None,
    host_paths: tuple[Path, ...],
    client_ca: Path | None,
    max_pods: int,
    eviction: Callable[[], EvictionSettings],
    shutdown_s: int,
    critical_s: int,
    log_level: str,
) -> None:
    """Be the node that this machine has joined as."""
    log_to_stderr(log_level)
    try:
        options = RunOptions(
            Home(home),
            cri,
            port,
            node_ip,
            max_pods,
            door,
            static_pods,
            host_paths,
            eviction(),
            client_ca,
            shutdown=ShutdownGrace(shutdown_s, critical_s),
        )
        asyncio.run(run_kubelet(options))
    except Refusal as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or home}: {error.strerror or error}") from None


for command in (join, leave, logs):
    cli.add_command(command)
