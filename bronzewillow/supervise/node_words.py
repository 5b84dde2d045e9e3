"""What `up`, `join` and `install` are told about the node that they bring up, and its bringing up."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from bronzewillow.adapters.network import Cni
from bronzewillow.agent.config import ConfigError, load_config
from bronzewillow.agent.options import parse_loopback, parse_prefixes
from bronzewillow.host.command import CommandError, log_level_option
from bronzewillow.host.open_files import raise_open_files
from bronzewillow.host.options import FilePath
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.joined import Joined, joined
from bronzewillow.supervise.lines import NodeLog
from bronzewillow.supervise.log_file import LogFile
from bronzewillow.supervise.node import NAMES, UpOptions
from bronzewillow.supervise.run import check_root, live_in, run_node
from bronzewillow.wire.ethernet import MacRule

_path = FilePath()
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KUBELET_ARG = re.compile(r"(?:--)?([a-z][a-z0-9-]*)(=.*)?", re.DOTALL)
_OWN_OF_KUBELET = {"home": "--root", "static-pods": "--manifests", "log-level": "--log-level"}
"""What `up` itself says, and by which option of its own."""
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _node_name(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _NODE_NAME.fullmatch(value):
        raise click.BadParameter(f"{value!r}: write lower-case letters, digits, '-' and '.', such as mac-1")
    return value


def _kubelet_args(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        found = _KUBELET_ARG.fullmatch(value)
        if found is None:
            raise click.BadParameter(f"{value!r}: write NAME=VALUE, such as max-pods=20")
        if own := _OWN_OF_KUBELET.get(found[1]):
            raise click.BadParameter(f"{value!r}: say {own} instead")
    return tuple(value.removeprefix("--") for value in values)


def _as_the_agent_reads(parse: Callable[[click.Context, click.Parameter, Any], object]) -> Callable[..., Any]:
    """A callback of click: the words as they are, once the agent will understand them."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        parse(context, parameter, value)
        return value

    return check


_OPTIONS = (
    click.option(
        "--manifests", type=_path, metavar="DIR",
        help="Run the Pods whose manifests are in this folder; in a cluster, as static pods.",
    ),
    click.option(
        "--config", type=_path, metavar="FILE", show_default="as the cluster says, or on this machine alone",
        help="A file (TOML) that says what the pods' network is.",
    ),
    click.option(
        "--root", type=_path, metavar="DIR", show_default="the user's folders",
        help="A folder for this node's sockets and state, so that several nodes can live side by side.",
    ),
    click.option(
        "--outlet", metavar="HOST:PORT", callback=_as_the_agent_reads(parse_loopback),
        help="In a cluster: a proxy on loopback by which this machine's programs reach its Services.",
    ),
    click.option(
        "--cni", type=click.Choice([cni.value for cni in Cni]),
        help="In a cluster: its CNI, where that cannot be told from its objects.",
    ),
    click.option(
        "--pod-pool", "pod_pools", multiple=True, metavar="CIDR",
        callback=_as_the_agent_reads(parse_prefixes),
        help="In a cluster: a range for this node's pods; needed with Calico; may be repeated.",
    ),
    click.option(
        "--kubelet-arg", "kubelet_args", multiple=True, callback=_kubelet_args, metavar="NAME=VALUE",
        help="In a cluster: an option of `llm-kubelet run`, such as max-pods=20; may be repeated.",
    ),
    click.option(
        "--inner-mac", type=click.Choice([rule.value for rule in MacRule]),
        help="In a cluster of Flannel or Calico: take frames for other MACs than ours, take and count them "
        "(the default), or drop them.",
    ),
    click.option(
        "--keep-pods", "keeps_pods", is_flag=True,
        help="Let pods go on when the node ends; a cluster's always do.",
    ),
    click.option(
        "--node-name", callback=_node_name, show_default="the host name",
        help="This node's name; once it has joined a cluster, it has the one that it joined with.",
    ),
    log_level_option(),
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
    inner_mac: str | None = None
    kubelet_args: tuple[str, ...] = ()
    """`NAME=VALUE`, without dashes."""
    keeps_pods: bool = False
    node_name: str | None = None
    log_level: str = "info"
    log_file: Path | None = None

    def checked(self) -> NodeWords:
        """The same with absolute paths. CommandError where they cannot be."""
        if self.manifests is not None and not self.manifests.is_dir():
            raise CommandError(f"{self.manifests}: is no folder; make it, or name another with --manifests")
        if self.config is not None:
            try:
                load_config(self.config, self.node_name or "")
            except ConfigError as error:
                raise CommandError(str(error)) from None
        if self.root is not None:
            with told_as_one_line():
                check_root(self.root)
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
        named = (("--outlet", self.outlet), ("--cni", self.cni), ("--inner-mac", self.inner_mac), *pools)
        return tuple(word for name, value in named if value for word in (name, value))

    def meant(self, cluster: Joined | None) -> UpOptions:
        """What they mean on this machine, a node of `cluster`. CommandError, UpError."""
        if self.network and self.config is not None:
            raise CommandError(f"{self.network[0]}: a network that --config describes has no such thing")
        of_cluster = (*self.network, *(("--kubelet-arg",) if self.kubelet_args else ()))
        if of_cluster and cluster is None:
            raise CommandError(
                f"{of_cluster[0]}: is for a node of a cluster, and this machine has joined none yet: "
                "bronzewillow join"
            )
        if cluster is not None and self.config is None and not cluster.kubeconfig.exists():
            raise UpError(
                f"node {cluster.name} of {cluster.server} has no identity for its network; an administrator "
                "runs `bronzewillow join --print-setup | kubectl apply -f -`, then join again with a token"
            )
        return UpOptions(
            self.config, self.manifests, self.keeps_pods, self.node_name, self.log_level, cluster,
            self.network, tuple(f"--{one}" for one in self.kubelet_args),
        )  # fmt: skip

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
        kubelet = (word for one in self.kubelet_args for word in ("--kubelet-arg", one))
        return (*words, *self.network, *kubelet, *(("--keep-pods",) if self.keeps_pods else ()))


def bring_up(words: NodeWords) -> None:
    """Be the node, until SIGTERM or Ctrl-C. CommandError."""
    words = words.checked()
    raise_open_files()  # for the programs, too, which are our children
    with told_as_one_line():
        if words.root is not None:
            live_in(words.root)
        options = words.meant(joined())
        asyncio.run(run_node(options, _log(words.log_file).write))


@contextmanager
def told_as_one_line() -> Iterator[None]:
    """What hinders a node becomes a CommandError."""
    try:
        yield
    except (UpError, ValueError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(f"{error.filename}: {reason}" if error.filename else reason) from None


def _log(path: Path | None) -> NodeLog:
    if path is not None:
        return NodeLog(LogFile(path), NAMES, is_coloured=False)
    is_coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return NodeLog(sys.stderr, NAMES, is_coloured=is_coloured)


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path is not None else None
