"""A copy of objects: what is absent, what comes later, what may not be read."""

from __future__ import annotations

import asyncio

import pytest

from bronzewillow.adapters import network
from bronzewillow.adapters.cilium_identity import CILIUM_NODES
from bronzewillow.cluster.observer import Observer
from bronzewillow.cluster.watched import BY_CNI, NAMESPACES, NODES, TELLING
from bronzewillow.kube import resources
from bronzewillow.kube.cache import Change
from bronzewillow.kube.client import KubeClient
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.loopback import until

from .conftest import crd, node

pytestmark = pytest.mark.loopback


def test_kinds_that_the_cluster_does_not_know_are_absent() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            server.make(resources.NODES, node("worker-1", "192.0.2.1"))
            observer = Observer(client)
            observer.watch(TELLING)
            await observer.settled()
            cluster = observer.cluster()
            assert set(cluster.all(network.NODES)) == {"worker-1"}
            assert CILIUM_NODES not in cluster.objects
            assert (observer.missing_rights(), observer.trouble()) == ((), "")
            observer.close()

    run(main())


def test_what_may_not_be_read_is_told() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.certified("nobody-in-particular")) as client:
            observer = Observer(client)
            observer.watch(BY_CNI[network.Cni.FLANNEL])
            await observer.settled()
            assert observer.missing_rights() == (
                "may not list configmaps in kube-flannel",
                "may not list configmaps in kube-system",
                "may not list nodes",
            )
            observer.close()

    run(main())


def test_changes_are_told_and_names_have_their_namespace() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            observer = Observer(client)
            observer.watch((NODES, *BY_CNI[network.Cni.ANTREA]))
            await observer.settled()
            observer.changed.clear()
            config = {"metadata": {"namespace": "kube-system", "name": "antrea-config"}, "data": {}}
            server.make(resources.CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **config})
            await observer.changed.wait()
            assert set(observer.cluster().all(network.CONFIG_MAPS)) == {"kube-system/antrea-config"}
            observer.close()

    run(main())


def test_what_is_no_longer_asked_for_is_forgotten() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            cilium = next(watched for watched in TELLING if watched.key == CILIUM_NODES)
            server.make(resources.CUSTOM_RESOURCE_DEFINITIONS, crd(cilium.resource))
            observer = Observer(client)
            observer.watch([NODES, cilium])
            await observer.settled()
            assert CILIUM_NODES in observer.cluster().objects
            observer.watch([NODES])
            assert CILIUM_NODES not in observer.cluster().objects
            observer.close()
            await asyncio.sleep(0)

    run(main())


def test_a_heartbeat_is_no_change_and_a_quiet_set_stirs_nobody() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            server.make(resources.NODES, node("worker-1", "192.0.2.1"))
            observer = Observer(client)
            heard: list[Change] = []
            observer.listen(NAMESPACES, heard.extend)
            observer.watch([NODES], quiet=[NAMESPACES])
            await observer.settled()
            await until(lambda: observer.knows(NAMESPACES))
            observer.changed.clear()
            before, told = observer.version(NODES, NAMESPACES), len(heard)
            conditions = [{"type": "Ready", "status": "True"}]
            await client.patch(
                resources.NODES, "worker-1", {"status": {"conditions": conditions}}, subresource="status"
            )
            await client.create(resources.NAMESPACES, {"metadata": {"name": "new"}})
            await until(lambda: len(heard) > told)
            now = observer.version(NODES, NAMESPACES)
            assert (now[0], now[1] > before[1]) == (before[0], True)
            assert not observer.changed.is_set()
            assert network.NAMESPACES not in observer.snapshot().objects
            assert "new" in observer.cluster().all(network.NAMESPACES)
            await client.patch(resources.NODES, "worker-1", {"metadata": {"labels": {"a": "b"}}})
            await observer.changed.wait()
            assert observer.version(NODES) > before[:1]
            found = observer.cluster().node("worker-1")
            assert found is not None
            assert "conditions" not in found["status"]
            observer.close()

    run(main())


def test_a_node_made_anew_is_the_one_that_is_there() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            server.make(resources.NODES, node("worker-1", "192.0.2.1"))
            observer = Observer(client)
            observer.watch([NODES])
            await observer.settled()
            await client.delete(resources.NODES, "worker-1")
            await until(lambda: observer.cluster().node("worker-1") is None)
            server.make(resources.NODES, node("worker-1", "192.0.2.9"))
            await until(lambda: observer.cluster().node("worker-1") is not None)
            observer.close()

    run(main())
