from __future__ import annotations

import pytest

from bronzewillow.kube.errors import Forbidden
from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS, NODES
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster

pytestmark = pytest.mark.loopback


def test_each_client_is_who_it_says() -> None:
    async def body(cluster: Joinable) -> None:
        await cluster.admin.list(NODES)
        await cluster.node.create(NODES, {"metadata": {"name": NODE}})
        await cluster.bootstrap.list(CERTIFICATE_SIGNING_REQUESTS)
        with pytest.raises(Forbidden):
            await cluster.bootstrap.list(NODES)
        assert cluster.refused() == []
        with pytest.raises(Forbidden):
            await cluster.node.delete(NODES, NODE)
        assert len(cluster.refused()) == 1
        assert await cluster.requests() == await cluster.asked(0) == []

    on_cluster(body)
