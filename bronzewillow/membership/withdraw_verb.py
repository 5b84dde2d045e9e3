"""`bronzewillow withdraw`: a step of `llm-kubelet leave`, which knows nothing of networks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from bronzewillow.adapters.network import Cni
from bronzewillow.cluster.withdrawing import NotWithdrawn
from bronzewillow.cluster.withdrawing import withdraw as withdraw_from
from bronzewillow.host.command import CommandError
from bronzewillow.host.options import FilePath
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.kubeconfig import load_kubeconfig


@click.command(hidden=True)
@click.option("--kubeconfig", type=FilePath(), required=True, help="The network agent's.")
@click.option("--node-name", required=True, help="The Node that goes.")
@click.option("--cni", type=click.Choice([cni.value for cni in Cni]), help="Instead of looking for it.")
def withdraw(kubeconfig: Path, node_name: str, cni: str | None) -> None:
    """Take a node that goes for good out of its cluster's network."""
    try:
        asyncio.run(_withdraw(kubeconfig, node_name, Cni(cni) if cni else None))
    except (BadCredentials, NotWithdrawn) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or kubeconfig}: {error.strerror or error}") from None


async def _withdraw(kubeconfig: Path, node_name: str, cni: Cni | None) -> None:
    async with KubeClient(load_kubeconfig(kubeconfig), user_agent="bronzewillow-withdraw") as client:
        await withdraw_from(client, node_name, cni)
