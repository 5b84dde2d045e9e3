"""Taking a node that goes for good out of its cluster's network, whether its agent runs or not."""

from __future__ import annotations

import asyncio

from bronzewillow.adapters.network import Cni, Us
from bronzewillow.cluster.follower import Follower
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import KubeError

LIMIT_S = 30.0


class NotWithdrawn(Exception):
    """Peers may still send to a node that is gone; the text says why, and what to do."""


async def withdraw(
    client: KubeClient, node_name: str, cni: Cni | None = None, *, limit_s: float = LIMIT_S
) -> None:
    """Delete what stands in the cluster for this node's network. NotWithdrawn."""
    follower = Follower(client, node_name, lambda addresses: Us(node_name, addresses), lambda _: None, cni)
    try:
        async with asyncio.timeout(limit_s):
            await follower.leave()
    except TimeoutError:
        why = follower.observer.trouble() or follower.trouble or "the API server is slow"
        raise NotWithdrawn(f"{why}: not all was withdrawn within {limit_s:g} s") from None
    except KubeError as error:
        raise NotWithdrawn(str(error)) from None
    finally:
        follower.observer.close()
