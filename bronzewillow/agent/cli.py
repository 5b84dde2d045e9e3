"""The command `bronzewillow agent`."""

from __future__ import annotations

import asyncio
import errno
import platform
from pathlib import Path

import click

from bronzewillow.adapters.network import Cni
from bronzewillow.agent.addresses import endpoint_text
from bronzewillow.agent.app import AgentOptions, run_agent
from bronzewillow.agent.asking import control_option
from bronzewillow.agent.config import AgentConfig, ConfigError, load_config
from bronzewillow.agent.datagram import Rung
from bronzewillow.agent.following import FollowOptions, run_following
from bronzewillow.agent.options import (
    parse_addresses,
    parse_endpoint,
    parse_loopback,
    parse_prefixes,
    parse_tcp,
)
from bronzewillow.cni.errors import CniError
from bronzewillow.host.command import CommandError, log_level_option, log_to_stderr
from bronzewillow.host.memory import keep_freed_memory
from bronzewillow.host.open_files import raise_open_files
from bronzewillow.host.options import FilePath, Seconds
from bronzewillow.host.paths import leases_folder, state_folder
from bronzewillow.kube.errors import KubeError
from bronzewillow.overlay.spec import Prefix
from bronzewillow.services.names import DOMAIN
from bronzewillow.stack import TcpConfig
from bronzewillow.wire.ethernet import MacRule


@click.command(short_help="The pod network alone, of a configuration file or a cluster.")
@click.option("--config", type=FilePath(), help="The configuration file (TOML).")
@click.option("--check", is_flag=True, help="Validate the file and exit.")
@click.option("--kubeconfig", type=FilePath(), help="Follow this cluster, instead of a file.")
@click.option(
    "--cni",
    type=click.Choice([cni.value for cni in Cni]),
    help="Its CNI, where that cannot be told from its objects.",
)
@click.option(
    "--address", "addresses", multiple=True, callback=parse_addresses, metavar="IP",
    help="Our address in the underlay, instead of the Node's; may be given again for the other family.",
)  # fmt: skip
@click.option(
    "--pod-pool", "pod_pools", multiple=True, callback=parse_prefixes, metavar="CIDR",
    help="A range for this node's pods; needed with Calico. May be repeated.",
)  # fmt: skip
@click.option(
    "--inner-mac", type=click.Choice([rule.value for rule in MacRule]),
    help="What to do with frames for other MACs than ours (Flannel, Calico), as a file has it.",
)  # fmt: skip
@control_option
@click.option("--metrics", callback=parse_endpoint, metavar="HOST:PORT", help="Serve /metrics on TCP, too.")
@click.option(
    "--datagram-io", type=click.Choice([rung.value for rung in Rung]), help="Force a way of datagram I/O."
)
@click.option(
    "--tcp", "tcp", multiple=True, callback=parse_tcp, metavar="KEY=VALUE",
    help="A setting of TCP, as a file has it under [tcp]; may be repeated.",
)  # fmt: skip
@click.option("--node-name", default=platform.node, show_default="the host name", help="This node's name.")
@click.option(
    "--leases", type=FilePath(), default=leases_folder,
    show_default="in the user's state folder",
    help="The folder in which the CNI plugin keeps the addresses that it has given.",
)  # fmt: skip
@click.option(
    "--outlet", callback=parse_loopback, metavar="HOST:PORT",
    help="Where this machine's programs reach pods and Services: an HTTP and SOCKS 5 proxy, on loopback.",
)  # fmt: skip
@click.option(
    "--cluster-domain", default=DOMAIN, show_default=True, help="What full names of Services end with."
)
@click.option(
    "--drain",
    type=Seconds(min=0),
    default=10.0,
    show_default=True,
    help="Seconds that connections may go on after SIGTERM.",
)
@log_level_option()
def agent(
    config: Path | None,
    check: bool,
    kubeconfig: Path | None,
    cni: str | None,
    addresses: tuple[bytes, ...],
    pod_pools: tuple[Prefix, ...],
    inner_mac: str | None,
    control: Path,
    metrics: tuple[str, int] | None,
    datagram_io: str | None,
    tcp: TcpConfig | None,
    node_name: str,
    leases: Path,
    outlet: tuple[str, int] | None,
    cluster_domain: str,
    drain: float,
    log_level: str,
) -> None:
    """Join the overlay and serve pods: as a configuration file says, or as a cluster does."""
    rung = Rung(datagram_io) if datagram_io else None
    knobs = tcp or TcpConfig()
    options = AgentOptions(
        config, control, node_name, metrics, rung, knobs, leases, outlet, cluster_domain, drain
    )
    if config is not None and tcp is not None:
        raise click.UsageError("--tcp goes with --kubeconfig; write [tcp] into the file")
    if config is not None and inner_mac is not None:
        raise click.UsageError("--inner-mac goes with --kubeconfig; write inner_mac into the file")
    if (config is None) == (kubeconfig is None):
        raise click.UsageError("say either --config FILE or --kubeconfig FILE")
    keep_freed_memory()
    raise_open_files()
    if config is None:
        assert kubeconfig is not None
        log_to_stderr(log_level)
        named = Cni(cni) if cni else None
        rule = MacRule(inner_mac) if inner_mac else MacRule.NOTE
        remembered = state_folder() / "overlay.json"
        follow = FollowOptions(kubeconfig, named, addresses, pod_pools, rule, remembered)
        _follow(follow, options)
        return
    try:
        loaded = load_config(config, node_name)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    if check:
        click.echo(f"{config}: good: {loaded.peer_count} peers, {len(loaded.pods)} pods")
        return
    log_to_stderr(log_level)
    try:
        asyncio.run(run_agent(loaded, options))
    except OSError as error:
        raise CommandError(_explain(error, loaded)) from None
    except (ValueError, CniError) as error:
        raise CommandError(str(error)) from None


def _follow(follow: FollowOptions, options: AgentOptions) -> None:
    try:
        asyncio.run(run_following(follow, options))
    except OSError as error:
        raise CommandError(f"{error.strerror or error}") from None
    except (ValueError, CniError, KubeError) as error:
        raise CommandError(str(error)) from None


def _explain(error: OSError, config: AgentConfig) -> str:
    """What hinders the overlay's socket, or one of its two."""
    where = ", ".join(endpoint_text(overlay.address, overlay.port) for overlay in config.overlays)
    if error.errno == errno.EADDRINUSE:
        return f"{where}: address already in use; another agent, or a kernel VXLAN device?"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: not an address of this machine; set overlay.address to one"
    return f"{where}: {error.strerror or error}"
