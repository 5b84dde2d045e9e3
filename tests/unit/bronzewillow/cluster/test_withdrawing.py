"""Whose agent does not run can leave its network, too."""

from __future__ import annotations

import pytest

from bronzewillow.adapters.network import Cni
from bronzewillow.cluster.watched import BY_CNI
from bronzewillow.cluster.withdrawing import NotWithdrawn, withdraw
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient, PatchType
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import until

from .conftest import crd, flannel_worker, node

pytestmark = pytest.mark.loopback


def cilium_with(server: ApiServer, *names: str, **metadata: object) -> Resource:
    """A cluster of Cilium's with us in it, and CiliumNodes of these names; gives their kind."""
    for watched in BY_CNI[Cni.CILIUM]:
        if watched.resource.group == "cilium.io":
            server.make(resources.CUSTOM_RESOURCE_DEFINITIONS, crd(watched.resource))
    nodes = next(w.resource for w in BY_CNI[Cni.CILIUM] if w.key.plural == "ciliumnodes")
    server.make(resources.NODES, node("mac-1", "192.0.2.2"))
    for name in names:
        made: Object = {"apiVersion": nodes.api_version, "kind": nodes.kind}
        server.make(nodes, {**made, "metadata": {"name": name, **metadata}})
    return nodes


def test_what_stands_is_deleted() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as admin:
            nodes = cilium_with(server, "mac-1", "worker-1")
            await withdraw(admin, "mac-1")
            assert server.store.get(nodes, "", "mac-1") is None
            assert server.store.get(nodes, "", "worker-1") is not None

    run(main())


def test_what_does_not_go_is_told_of() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as admin:
            nodes = cilium_with(server, "mac-1", finalizers=["example.com/held"])
            with pytest.raises(NotWithdrawn, match=r"mac-1: still there: a finalizer holds it"):
                await withdraw(admin, "mac-1", Cni.CILIUM)
            assert server.store.get(nodes, "", "mac-1") is not None

    run_leaping(main(), 120)


def test_what_does_not_go_at_once_is_waited_for() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as admin:
            nodes = cilium_with(server, "mac-1", finalizers=["example.com/slow"])
            leaving = spawn(withdraw(admin, "mac-1", Cni.CILIUM), name="leaving")

            def is_ending() -> bool:
                found = server.store.get(nodes, "", "mac-1")
                return found is not None and "deletionTimestamp" in found["metadata"]

            await until(is_ending)
            await admin.patch(nodes, "mac-1", {"metadata": {"finalizers": None}}, type=PatchType.MERGE)
            await leaving
            assert server.store.get(nodes, "", "mac-1") is None

    run(main())


def test_a_network_that_follows_the_node_object_has_nothing_to_withdraw() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as admin:
            server.make(resources.NODES, flannel_worker("worker-1", 1, "10.244.1.0/24"))
            server.make(resources.NODES, node("mac-1", "192.0.2.2", "10.244.7.0/24"))
            await withdraw(admin, "mac-1")

    run(main())


def test_where_no_cni_shows_itself_none_was_joined() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as admin:
            await withdraw(admin, "mac-1")

    run(main())


def test_who_may_not_see_it_is_told_what_is_missing() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.certified("stranger")) as stranger:
            with pytest.raises(NotWithdrawn, match=r"may not list nodes.*--print-setup"):
                await withdraw(stranger, "mac-1")

    run(main())


def test_an_api_server_that_is_away() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as admin:
            await server.stop()
            with pytest.raises(NotWithdrawn, match=r"not all was withdrawn within 0\.3 s"):
                await withdraw(admin, "mac-1", Cni.CILIUM, limit_s=0.3)

    run(main())
