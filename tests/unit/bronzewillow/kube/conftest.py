"""A small server whose answers the tests write themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bronzewillow.kube.access import Access, Cluster, Identity
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.identity import HeldIdentity

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def _talking(answer: Answering, identity: Identity | None = None) -> AsyncIterator[KubeClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        cluster = Cluster(str(server.make_url("")).rstrip("/"))
        async with KubeClient(Access(cluster, identity or HeldIdentity())) as client:
            yield client


@pytest.fixture
def talking() -> Callable[..., object]:
    """`async with talking(answer) as client`."""
    return _talking
