"""What `up`, `join` and `install` are told about the node that they bring up, and its bringing up."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from bronzewillow.agent.config import ConfigError, load_config
from bronzewillow.host.command import CommandError
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.joined import Joined, joined
from bronzewillow.supervise.lines import NodeLog
from bronzewillow.supervise.log_file import LogFile
from bronzewillow.supervise.node import NAMES, UpOptions
from bronzewillow.supervise.run import live_in, run_node

_path = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--manifests", type=_path, metavar="DIR", help="Run the Pods whose manifests are in this folder."
    ),
    click.option(
        "--config", type=_path, metavar="FILE", show_default="the cluster's, or on this machine alone",
        help="The network's configuration (TOML).",
    ),
    click.option(
        "--root", type=_path, metavar="DIR", show_default="the user's folders",
        help="Keep sockets and state of this node there.",
    ),
    click.option(
        "--outlet", metavar="HOST:PORT",
        help="In a cluster: where this machine's programs reach its Services.",
    ),
    click.option("--cni", help="In a cluster: its CNI, where it does not show itself."),
    click.option(
        "--pod-pool", "pod_pools", multiple=True, metavar="CIDR",
        help="In a cluster: a range for our pods (Calico).",
    ),
    click.option("--keep-pods", "keeps_pods", is_flag=True, help="Let pods go on when the node ends."),
    click.option("--node-name", help="Names this node.", show_default="the host name"),
    click.option(
        "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info",
        show_default=True,
    ),
    click.option(
        "--log-file", type=_path, metavar="FILE", show_default="standard error",
        help="Write the log there; at 10 MiB it begins anew, and five old ones are kept.",
    ),
)  # fmt: skip


def node_options(command: _Command) -> _Command:
    """The options, for a command that takes them as `**words` of NodeWords."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class NodeWords:
    """What the command line says."""

    manifests: Path | None = None
    config: Path | None = None
    root: Path | None = None
    outlet: str | None = None
    cni: str | None = None
    pod_pools: tuple[str, ...] = ()
    keeps_pods: bool = False
    node_name: str | None = None
    log_level: str = "info"
    log_file: Path | None = None

    def checked(self) -> NodeWords:
        """With absolute paths. CommandError."""
        if self.manifests is not None and not self.manifests.is_dir():
            raise CommandError(f"{self.manifests}: is no folder; make it, or name another with --manifests")
        if self.config is not None:
            try:
                load_config(self.config, self.node_name or "")
            except ConfigError as error:
                raise CommandError(str(error)) from None
        return replace(
            self,
            manifests=_absolute(self.manifests),
            config=_absolute(self.config),
            root=_absolute(self.root),
            log_file=_absolute(self.log_file),
        )

    @property
    def network(self) -> tuple[str, ...]:
        """The options of the agent that only a network has which follows a cluster."""
        pools = (("--pod-pool", pool) for pool in self.pod_pools)
        named = (("--outlet", self.outlet), ("--cni", self.cni), *pools)
        return tuple(word for name, value in named if value for word in (name, value))

    def up_arguments(self) -> tuple[str, ...]:
        """For `bronzewillow up`, to say all of this again."""
        named = {
            "--manifests": self.manifests,
            "--config": self.config,
            "--root": self.root,
            "--node-name": self.node_name,
            "--log-file": self.log_file,
            "--log-level": None if self.log_level == "info" else self.log_level,
        }
        words = [word for name, value in named.items() if value for word in (name, str(value))]
        return (*words, *self.network, *(("--keep-pods",) if self.keeps_pods else ()))


def bring_up(words: NodeWords) -> None:
    """Be the node, until SIGTERM or Ctrl-C. CommandError."""
    words = words.checked()
    with told_as_one_line():
        if words.root is not None:
            live_in(words.root)
        options = _up_options(words, joined())
        asyncio.run(run_node(options, _log(words.log_file).write))


@contextmanager
def told_as_one_line() -> Iterator[None]:
    """What hinders a node becomes a CommandError."""
    try:
        yield
    except (UpError, ValueError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or 'network'}: {error.strerror or error}") from None


def _up_options(words: NodeWords, cluster: Joined | None) -> UpOptions:
    """CommandError, UpError."""
    if words.network and (cluster is None or words.config is not None):
        raise CommandError(f"{words.network[0]}: only a network that follows a cluster has this")
    if cluster is not None and words.config is None and not cluster.kubeconfig.exists():
        raise UpError(
            f"node {cluster.name} of {cluster.server} has no identity for its network; an administrator "
            "runs `bronzewillow join --print-setup | kubectl apply -f -`, then join again with a token"
        )
    return UpOptions(
        words.config, words.manifests, words.keeps_pods, words.node_name, words.log_level, cluster,
        words.network,
    )  # fmt: skip


def _log(path: Path | None) -> NodeLog:
    if path is not None:
        return NodeLog(LogFile(path), NAMES, is_coloured=False)
    is_coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return NodeLog(sys.stderr, NAMES, is_coloured=is_coloured)


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path is not None else None
