"""A table of Services that follows an API server."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.agent.service_feed import ServiceFeed
from bronzewillow.cluster.observer import Observer
from bronzewillow.cluster.watched import SERVICE_KINDS
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient, PatchType
from bronzewillow.services.names import ServiceName
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.loopback import until

pytestmark = pytest.mark.loopback
OWNER = "kubernetes.io/service-name"


def make(server: ApiServer, name: str, cluster_ip: str) -> None:
    spec = {"clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "ports": [{"port": 80}]}
    metadata = {"namespace": "default", "name": name}
    server.make(
        resources.SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    )


def make_slice(server: ApiServer, service: str, address: str) -> None:
    metadata = {"namespace": "default", "name": "one", "labels": {OWNER: service}}
    fields: dict[str, Any] = {"addressType": "IPv4", "ports": [{"port": 8080}]}
    fields["endpoints"] = [{"addresses": [address]}]
    kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
    server.make(resources.ENDPOINT_SLICES, {**kind, "metadata": metadata, **fields})


def count(feed: ServiceFeed, name: str) -> int:
    """The endpoints of a Service; -1 for none such."""
    port = feed.table.named(ServiceName("default", name), "TCP", 80) if feed.table is not None else None
    return len(port.endpoints) if port is not None else -1


def test_services_and_slices_come_move_and_go() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as admin:
            make(server, "a", "10.96.0.10")
            make_slice(server, "a", "10.244.1.2")
            observer = Observer(admin)
            feed = ServiceFeed(observer)
            assert feed.table is None
            observer.watch((), quiet=SERVICE_KINDS)
            await until(lambda: count(feed, "a") == 1)
            make(server, "b", "10.96.0.11")
            await until(lambda: count(feed, "b") == 0)
            moved = {"metadata": {"labels": {OWNER: "b"}}}
            await admin.patch(resources.ENDPOINT_SLICES, "one", moved, "default", type=PatchType.MERGE)
            await until(lambda: (count(feed, "a"), count(feed, "b")) == (0, 1))
            await admin.delete(resources.ENDPOINT_SLICES, "one", "default")
            await until(lambda: count(feed, "b") == 0)
            await admin.delete(resources.SERVICES, "b", "default")
            await until(lambda: count(feed, "b") == -1)
            assert not observer.changed.is_set()  # nobody's overlay depends on it
            observer.close()

    run(main())
