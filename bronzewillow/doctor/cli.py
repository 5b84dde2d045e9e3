"""The command `bronzewillow doctor`."""

from __future__ import annotations

import asyncio
import platform
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from bronzewillow.adapters.network import Cni
from bronzewillow.agent.options import parse_prefixes
from bronzewillow.doctor.cluster import check_cluster
from bronzewillow.doctor.findings import Finding, Verdict, is_healthy
from bronzewillow.doctor.mac_tools import check_mac
from bronzewillow.doctor.machine import (
    check_kernel,
    check_open_files,
    check_programs,
    check_runtime_variable,
    check_server,
    check_socket,
)
from bronzewillow.doctor.state import check_disk, check_sockets, check_state
from bronzewillow.host.command import CommandError
from bronzewillow.host.options import FilePath
from bronzewillow.host.paths import DEEPEST_SOCKET, runtime_folder, state_folder
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import KubeError
from bronzewillow.kube.kubeconfig import load_kubeconfig
from bronzewillow.overlay.spec import Prefix
from bronzewillow.service.system import user_service
from bronzewillow.supervise.joined import joined
from bronzewillow.supervise.node_words import told_as_one_line
from bronzewillow.supervise.run import look_in


@click.command(short_help="Say what stands in the way of this machine being a node.")
@click.option(
    "--kubeconfig", type=FilePath(), show_default="of the cluster that was joined",
    help="The cluster to look at, too.",
)  # fmt: skip
@click.option("--node-name", show_default="the joined node's, or the host name", help="This node's name.")
@click.option(
    "--cni",
    type=click.Choice([cni.value for cni in Cni]),
    help="The cluster's CNI, instead of looking for it.",
)
@click.option(
    "--pod-pool",
    "pod_pools",
    multiple=True,
    callback=parse_prefixes,
    metavar="CIDR",
    help="A range for this node's pods, as `up` is told; may be repeated.",
)
@click.option(
    "--root", type=FilePath(), metavar="DIR", show_default="the user's folders",
    help="Look at the node that `bronzewillow up --root DIR` runs.",
)  # fmt: skip
def doctor(
    kubeconfig: Path | None,
    node_name: str | None,
    cni: str | None,
    pod_pools: tuple[Prefix, ...],
    root: Path | None,
) -> None:
    """Say what stands in the way of this machine being a node; exit with 1 if anything does.

    Nothing is changed.
    """
    if root is not None:
        with told_as_one_line():
            look_in(root)
    findings = [
        check_kernel(),
        *check_programs(),
        *check_runtime_variable(),
        check_socket(runtime_folder(), DEEPEST_SOCKET),
        check_open_files(),
        *check_state(state_folder()),
        check_disk(state_folder()),
        *check_sockets(runtime_folder()),
    ]
    if sys.platform == "darwin":
        findings += check_mac(is_installed=user_service().is_installed())
    cluster = None
    try:
        cluster = joined()
    except CommandError as error:
        findings.append(Finding(Verdict.BROKEN, "identity", error.message))
    if kubeconfig is None and cluster is not None and cluster.kubeconfig.exists():
        kubeconfig = cluster.kubeconfig
    if kubeconfig is not None:
        name = node_name or (cluster.name if cluster is not None else platform.node())
        try:
            findings += asyncio.run(_of_cluster(kubeconfig, name, Cni(cni) if cni else None, pod_pools))
        except KubeError as error:
            raise CommandError(str(error)) from None
    for finding in findings:
        click.echo(str(finding))
    if not is_healthy(findings):
        raise SystemExit(1)


async def _of_cluster(
    kubeconfig: Path, name: str, cni: Cni | None, pod_pools: tuple[Prefix, ...]
) -> list[Finding]:
    access = load_kubeconfig(kubeconfig)
    place = urlsplit(access.cluster.server)
    reach = await asyncio.to_thread(check_server, place.hostname or "", place.port or 443)
    if reach.verdict is Verdict.BROKEN:
        return [reach]
    async with KubeClient(access, user_agent="bronzewillow-doctor") as client:
        return [reach, *await check_cluster(client, name, cni, pod_pools)]
