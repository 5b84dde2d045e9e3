"""What can be said of a cluster before this machine joins its network."""

from __future__ import annotations

import asyncio
import ipaddress

from bronzewillow.adapters import objects
from bronzewillow.adapters.detect import ADAPTERS, detect
from bronzewillow.adapters.network import ClusterNetwork, Cni, Us
from bronzewillow.cluster.observer import Observer
from bronzewillow.cluster.watched import BY_CNI, TELLING
from bronzewillow.doctor.findings import Finding, Verdict
from bronzewillow.doctor.machine import check_reach
from bronzewillow.kube.client import KubeClient
from bronzewillow.overlay.spec import Prefix

_PATIENCE_S = 15.0
_MOST_PEERS = 8  # of a large cluster some tell as much as all


async def check_cluster(
    client: KubeClient, name: str, named: Cni | None, pod_pools: tuple[Prefix, ...] = ()
) -> list[Finding]:
    """Which CNI, whether this node can join it, and what it may not read. Nothing is published."""
    observer = Observer(client)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            observer.watch(TELLING)
            await observer.settled()
            cni = named or detect(observer.cluster())
            if cni is not None:
                observer.watch(BY_CNI[cni])
                await observer.settled()
    except TimeoutError:
        trouble = observer.trouble() or f"no answer for {_PATIENCE_S:.0f} s"
        return [Finding(Verdict.BROKEN, "API server", trouble, "look at its address and at your credentials")]
    finally:
        observer.close()
    rights = [
        Finding(Verdict.BROKEN, "rights", text, "apply what `bronzewillow join --print-setup` prints")
        for text in observer.missing_rights()
        if cni is not None
    ]
    if cni is None:
        text = "no CNI that this node can join shows itself"
        return [Finding(Verdict.BROKEN, "CNI", text, "name it with --cni, if it is one of ours")]
    cluster = observer.cluster()
    node = cluster.node(name) or {}
    uid = str(objects.metadata_of(node).get("uid") or "")
    us = Us(name, tuple(objects.node_addresses(node).values()), uid=uid, pod_pools=pod_pools)
    return [Finding(Verdict.GOOD, "CNI", cni.value), *rights, *findings_of(ADAPTERS[cni](cluster, us))]


def findings_of(network: ClusterNetwork) -> list[Finding]:
    """An adapter's verdict, and whether its peers can be sent to."""
    found = [
        Finding(Verdict.BROKEN, network.cni.value, refusal.reason, refusal.cure)
        for refusal in network.refusals
    ]
    found += [
        Finding(Verdict.WARNING, network.cni.value, f"waiting for {text}") for text in network.waiting_for
    ]
    found += [Finding(Verdict.WARNING, network.cni.value, text) for text in network.warnings]
    for overlay in network.overlays:
        for peer in overlay.peers[:_MOST_PEERS]:
            found.append(check_reach(str(ipaddress.ip_address(peer.address)), peer.port))
        if not overlay.peers:
            found.append(Finding(Verdict.WARNING, network.cni.value, "no other node is in the overlay yet"))
    return found
