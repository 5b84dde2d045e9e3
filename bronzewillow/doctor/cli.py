"""The command `bronzewillow doctor`."""

from __future__ import annotations

import asyncio
import platform
from ipaddress import ip_network
from pathlib import Path

import click

from bronzewillow.adapters.network import Cni
from bronzewillow.doctor.cluster import check_cluster
from bronzewillow.doctor.findings import Finding, is_healthy
from bronzewillow.doctor.machine import check_kernel, check_programs, check_socket
from bronzewillow.host.command import CommandError
from bronzewillow.host.paths import runtime_folder
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import KubeError
from bronzewillow.kube.kubeconfig import load_kubeconfig

_DEEPEST_SOCKET = "p/" + "0" * 13 + "/65535.sock"  # of a pod's container


@click.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Look at this cluster, too.")
@click.option("--node-name", default=platform.node, show_default="the host name", help="Names this node.")
@click.option(
    "--cni", type=click.Choice([cni.value for cni in Cni]), help="Its CNI, instead of looking for it."
)
@click.option("--pod-pool", "pod_pools", multiple=True, metavar="CIDR", help="As for `bronzewillow agent`.")
def doctor(kubeconfig: Path | None, node_name: str, cni: str | None, pod_pools: tuple[str, ...]) -> None:
    """Say what stands in the way of this machine being a node. Changes nothing."""
    findings = [check_kernel(), *check_programs(), check_socket(runtime_folder(), _DEEPEST_SOCKET)]
    if kubeconfig is not None:
        try:
            pools = [ip_network(text) for text in pod_pools]
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--pod-pool") from None
        prefixes = tuple((pool.network_address.packed, pool.prefixlen) for pool in pools)
        try:
            findings += asyncio.run(_of_cluster(kubeconfig, node_name, Cni(cni) if cni else None, prefixes))
        except KubeError as error:
            raise CommandError(str(error)) from None
    for finding in findings:
        click.echo(str(finding))
    if not is_healthy(findings):
        raise SystemExit(1)


async def _of_cluster(
    kubeconfig: Path, name: str, cni: Cni | None, pod_pools: tuple[tuple[bytes, int], ...]
) -> list[Finding]:
    async with KubeClient(load_kubeconfig(kubeconfig), user_agent="bronzewillow-doctor") as client:
        return await check_cluster(client, name, cni, pod_pools)
