"""A cluster in memory with a bootstrap token, and clients of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS, Object
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver import seed
from bronzewillow.testing.apiserver.server import ApiServer, api_server

TOKEN = "abcdef.0123456789abcdef"
NODE = "mac-1"


@dataclass
class Joinable:
    """A cluster that nodes can join."""

    server: ApiServer
    admin: KubeClient
    """Who may do everything."""
    bootstrap: KubeClient
    """Who has the token."""
    node: KubeClient
    """The node itself, by a certificate of the authority."""

    async def requests(self) -> list[Object]:
        """All CertificateSigningRequests."""
        items: list[Object] = (await self.admin.list(CERTIFICATE_SIGNING_REQUESTS))["items"]
        return items

    async def asked(self, count: int) -> list[Object]:
        """Wait until so many have been made."""
        while len(found := await self.requests()) < count:  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0)
        return found

    async def decide(self, name: str, verdict: str, reason: str = "ByTest") -> None:
        """Approve or deny a request."""
        condition = {"type": verdict, "status": "True", "reason": reason, "message": "said the test"}
        patch = {"status": {"conditions": [condition]}}
        await self.admin.patch(CERTIFICATE_SIGNING_REQUESTS, name, patch, subresource="approval")

    def refused(self) -> list[tuple[str, str, str, int]]:
        """Requests of nodes that were not allowed."""
        return [one for one in self.server.audit if one[3] == 403 and one[0].startswith("system:node:")]


@asynccontextmanager
async def joinable(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> AsyncIterator[Joinable]:
    """A running one."""
    async with api_server(clock=clock) as server:
        for resource, obj in seed.for_joining(TOKEN):
            server.make(resource, obj)
        token = HeldIdentity(Presented(token=TOKEN))
        async with (
            KubeClient(server.admin()) as admin,
            KubeClient(Access(server.cluster, token)) as bootstrap,
            KubeClient(server.certified(f"system:node:{NODE}", "system:nodes")) as node,
        ):
            yield Joinable(server, admin, bootstrap, node)


def on_cluster(body: Callable[[Joinable], Awaitable[None]]) -> None:
    """Run `body` on a cluster of its own."""

    async def main() -> None:
        async with joinable() as cluster:
            await body(cluster)

    run(main())
