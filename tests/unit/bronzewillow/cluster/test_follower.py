"""From a cluster's objects to an overlay, and what is published on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bronzewillow.adapters.network import ClusterNetwork, Cni, Us
from bronzewillow.cluster.follower import Follower, FollowerConfig
from bronzewillow.cluster.watched import BY_CNI
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.backoff import BackoffConfig
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.kubeconfig import emit_kubeconfig, load_kubeconfig
from bronzewillow.kube.leaving import LEAVING
from bronzewillow.kube.listwatch import ListWatchConfig
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.loopback import until

from .conftest import crd, flannel_worker, node, notes_of

pytestmark = pytest.mark.loopback


class Heard:
    """What the follower said, in order."""

    def __init__(self) -> None:
        self.networks: list[ClusterNetwork] = []
        self._news = asyncio.Event()

    def __call__(self, network: ClusterNetwork) -> None:
        self.networks.append(network)
        self._news.set()

    @property
    def peers(self) -> list[str]:
        """Of the last overlay."""
        overlays = self.networks[-1].overlays if self.networks else ()
        return [peer.name for overlay in overlays for peer in overlay.peers]

    async def until_peers(self, *names: str) -> None:
        while self.peers != list(names):
            self._news.clear()
            await self._news.wait()

    async def until_said(self) -> ClusterNetwork:
        while not self.networks:
            self._news.clear()
            await self._news.wait()
        return self.networks[-1]


@asynccontextmanager
async def following(server: ApiServer, cni: Cni | None = None) -> AsyncIterator[tuple[Follower, Heard]]:
    heard = Heard()
    async with KubeClient(server.admin()) as client:
        follower = Follower(client, "mac-1", lambda addresses: Us("mac-1", addresses), heard, cni)
        task = spawn(follower.run(), name="follower")
        try:
            yield follower, heard
        finally:
            task.cancel()
            await asyncio.wait([task])


async def annotated(server: ApiServer, key: str, value: str) -> None:
    await until(lambda: notes_of(server, "mac-1").get(key) == value)


def test_peers_come_change_and_go_and_we_are_published() -> None:
    async def main() -> None:
        async with api_server() as server:
            server.make(resources.NODES, flannel_worker("worker-1", 1, "10.244.1.0/24"))
            server.make(resources.NODES, node("mac-1", "192.0.2.2", "10.244.7.0/24"))
            async with following(server) as (follower, heard), KubeClient(server.admin()) as admin:
                await heard.until_peers("worker-1")
                await annotated(server, "public-ip", "192.0.2.2")
                assert follower.network is not None
                assert follower.network.cni is Cni.FLANNEL
                server.make(resources.NODES, flannel_worker("worker-2", 3, "10.244.2.0/24"))
                await heard.until_peers("worker-1", "worker-2")
                await admin.delete(resources.NODES, "worker-1")
                await heard.until_peers("worker-2")
                edit = {"metadata": {"annotations": {"flannel.alpha.coreos.com/public-ip": None}}}
                await admin.patch(resources.NODES, "mac-1", edit)
                await annotated(server, "public-ip", "192.0.2.2")

    run(main())


def test_a_pod_cidr_that_comes_late_comes_before_the_annotations() -> None:
    async def main() -> None:
        async with api_server() as server:
            server.controllers.allocates_node_cidrs = False
            server.make(resources.NODES, flannel_worker("worker-1", 1, "10.244.1.0/24"))
            server.make(resources.NODES, node("mac-1", "192.0.2.2"))
            async with following(server) as (_, heard), KubeClient(server.admin()) as admin:
                network = await heard.until_said()
                assert network.waiting_for[0].startswith("a podCIDR of Node mac-1")
                assert "public-ip" not in notes_of(server, "mac-1")
                late = {"spec": {"podCIDR": "10.244.7.0/24", "podCIDRs": ["10.244.7.0/24"]}}
                await admin.patch(resources.NODES, "mac-1", late)
                await heard.until_peers("worker-1")
                await annotated(server, "backend-type", "vxlan")

    run(main())


def test_an_api_server_that_is_away_changes_nothing() -> None:
    async def main() -> None:
        async with api_server() as server:
            server.make(resources.NODES, flannel_worker("worker-1", 1, "10.244.1.0/24"))
            server.make(resources.NODES, node("mac-1", "192.0.2.2", "10.244.7.0/24"))
            async with following(server) as (follower, heard):
                await heard.until_peers("worker-1")
                await server.stop()
                for _ in range(50):
                    await asyncio.sleep(0)
                assert heard.peers == ["worker-1"]
                assert follower.network is heard.networks[-1]

    run(main())


def test_a_cluster_that_shows_no_cni_is_waited_for() -> None:
    async def main() -> None:
        async with api_server() as server:
            server.make(resources.NODES, node("mac-1", "192.0.2.2", "10.244.7.0/24"))
            async with following(server) as (follower, heard):
                await follower.observer.settled()
                assert follower.network is None
                server.make(resources.NODES, flannel_worker("worker-1", 1, "10.244.1.0/24"))
                await heard.until_peers("worker-1")

    run(main())


def test_ciliums_objects_are_made_and_withdrawn() -> None:
    async def main() -> None:
        async with api_server() as server:
            for watched in BY_CNI[Cni.CILIUM]:
                if watched.resource.group == "cilium.io":
                    server.make(resources.CUSTOM_RESOURCE_DEFINITIONS, crd(watched.resource))
            nodes = next(w.resource for w in BY_CNI[Cni.CILIUM] if w.key.plural == "ciliumnodes")
            config = {"metadata": {"namespace": "kube-system", "name": "cilium-config"}, "data": {}}
            server.make(resources.CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **config})
            server.make(resources.NODES, node("mac-1", "192.0.2.2"))
            async with following(server) as (follower, heard), KubeClient(server.admin()) as admin:
                await until(lambda: server.store.get(nodes, "", "mac-1") is not None)
                made = server.store.get(nodes, "", "mac-1")
                assert made is not None
                assert made["metadata"]["ownerReferences"][0]["kind"] == "Node"
                given = {"spec": {"ipam": {"podCIDRs": ["10.0.5.0/24"]}}}  # as the operator does
                await admin.request(
                    "PATCH", nodes.path("", "mac-1"), body=given, content_type="application/merge-patch+json"
                )
                await until(lambda: bool(heard.networks[-1].overlays))
                mark = {"metadata": {"annotations": {LEAVING: "true"}}}
                await admin.patch(resources.NODES, "mac-1", mark)
                await until(lambda: server.store.get(nodes, "", "mac-1") is None)
                await follower.leave()  # there is nothing left to do
                back = {"metadata": {"annotations": {LEAVING: None}}}
                await admin.patch(resources.NODES, "mac-1", back)
                await until(lambda: server.store.get(nodes, "", "mac-1") is not None)

    run(main())


def test_a_token_that_is_renewed_in_its_file_is_shown_when_the_old_one_has_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with api_server() as server:
            server.make(resources.NODES, flannel_worker("worker-1", 1, "10.244.1.0/24"))
            server.make(resources.NODES, node("mac-1", "192.0.2.2", "10.244.7.0/24"))
            server.admin()
            server.tokens.given["first"] = server.tokens.given["admin-token"]
            token, kubeconfig = tmp_path / "token", tmp_path / "kubeconfig"
            token.write_text("first")
            kubeconfig.write_bytes(emit_kubeconfig(server.cluster, token=token))
            heard = Heard()
            async with KubeClient(load_kubeconfig(kubeconfig)) as client:
                hurried = FollowerConfig(
                    listing=ListWatchConfig(backoff=BackoffConfig(first_s=0.01, longest_s=0.02))
                )
                follower = Follower(
                    client,
                    "mac-1",
                    lambda addresses: Us("mac-1", addresses),
                    heard,
                    Cni.FLANNEL,
                    config=hurried,
                )
                task = spawn(follower.run(), name="follower")
                await heard.until_peers("worker-1")
                del server.tokens.given["first"]
                await server.restart()
                await until(lambda: "Unauthorized" in follower.observer.trouble())
                assert heard.peers == ["worker-1"]
                server.tokens.given["second"] = server.tokens.given["admin-token"]
                token.write_text("second")
                server.make(resources.NODES, flannel_worker("worker-2", 3, "10.244.2.0/24"))
                await heard.until_peers("worker-1", "worker-2")
                await until(lambda: follower.observer.trouble() == "")
                task.cancel()
                await asyncio.wait([task])

    run(main())
