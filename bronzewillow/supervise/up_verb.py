"""`bronzewillow up`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from bronzewillow.agent.config import ConfigError, load_config
from bronzewillow.host.command import CommandError
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.joined import joined
from bronzewillow.supervise.lines import NodeLog
from bronzewillow.supervise.node import NAMES, UpOptions
from bronzewillow.supervise.run import live_in, run_node

_path = click.Path(path_type=Path)


@click.command()
@click.option(
    "--manifests", type=_path, metavar="DIR", help="Run the Pods whose manifests are in this folder."
)
@click.option(
    "--config", type=_path, metavar="FILE", show_default="a network on this machine alone",
    help="The network's configuration (TOML).",
)  # fmt: skip
@click.option(
    "--root", type=_path, metavar="DIR", show_default="the user's folders",
    help="Keep sockets and state of this node there.",
)  # fmt: skip
@click.option(
    "--outlet", metavar="HOST:PORT", help="In a cluster: where this machine's programs reach its Services."
)
@click.option("--cni", help="In a cluster: its CNI, where it does not show itself.")
@click.option(
    "--pod-pool",
    "pod_pools",
    multiple=True,
    metavar="CIDR",
    help="In a cluster: a range for our pods (Calico).",
)
@click.option("--keep-pods", "keeps_pods", is_flag=True, help="Let pods go on when the node ends.")
@click.option("--node-name", help="Names this node.", show_default="the host name")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def up(
    manifests: Path | None,
    config: Path | None,
    root: Path | None,
    outlet: str | None,
    cni: str | None,
    pod_pools: tuple[str, ...],
    keeps_pods: bool,
    node_name: str | None,
    log_level: str,
) -> None:
    """Bring a node up: the network, the container runtime, and pods from a folder. Ctrl-C ends it.

    Where this machine has joined a cluster, it is that cluster's node.
    """
    if manifests is not None and not manifests.is_dir():
        raise CommandError(f"{manifests}: is no folder; make it, or name another with --manifests")
    if config is not None:
        try:
            load_config(config, node_name or "")
        except ConfigError as error:
            raise CommandError(str(error)) from None
    is_coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    log = NodeLog(sys.stderr, NAMES, is_coloured=is_coloured)
    network = [*(("--outlet", outlet) if outlet else ()), *(("--cni", cni) if cni else ())]
    network += [word for pool in pod_pools for word in ("--pod-pool", pool)]
    try:
        if root is not None:
            live_in(root)
        cluster = joined()
        if network and (cluster is None or config is not None):
            raise CommandError(f"{network[0]}: only a network that follows a cluster has this")
        options = UpOptions(
            _absolute(config),
            _absolute(manifests),
            keeps_pods,
            node_name,
            log_level,
            cluster,
            tuple(network),
        )
        asyncio.run(run_node(options, log.write))
    except (UpError, ValueError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or 'network'}: {error.strerror or error}") from None


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path is not None else None
