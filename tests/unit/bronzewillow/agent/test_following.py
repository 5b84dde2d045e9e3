"""An agent in a cluster: made when its overlay is known, kept while its end stays, remade when it moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.agent.app import AgentOptions
from bronzewillow.agent.asking import get_json
from bronzewillow.agent.following import Following, FollowOptions
from bronzewillow.agent.remembered import recall
from bronzewillow.cni.leases import Leases
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import Object
from bronzewillow.policy.rules import Direction, Verdict
from bronzewillow.services.names import ServiceName
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.loopback import unix_socket_path, until
from bronzewillow.testing.ports import free_udp_port

pytestmark = pytest.mark.loopback

PREFIX = "flannel.alpha.coreos.com/"


def worker(port: int) -> Object:
    data = json.dumps({"VNI": 1, "VtepMAC": "02:aa:aa:aa:aa:01"})
    notes = {
        "backend-type": "vxlan",
        "kube-subnet-manager": "true",
        "public-ip": "192.0.2.1",
        "backend-data": data,
    }
    metadata = {"name": "worker-1", "annotations": {PREFIX + key: value for key, value in notes.items()}}
    spec = {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def us(address: str = "127.0.0.1") -> Object:
    spec = {"podCIDR": "10.244.7.0/24", "podCIDRs": ["10.244.7.0/24"]}
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mac-1"}, "spec": spec, "status": status}


def flannel(server: ApiServer) -> None:
    port = free_udp_port()
    conf = json.dumps({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "Port": port}})
    metadata = {"namespace": "kube-system", "name": "kube-flannel-cfg"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"net-conf.json": conf}}
    server.make(resources.CONFIG_MAPS, config)
    server.make(resources.NODES, worker(port))


def antrea(server: ApiServer) -> None:
    conf = f"tunnelType: vxlan\ntunnelPort: {free_udp_port()}\n"
    metadata = {"namespace": "kube-system", "name": "antrea-config"}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"antrea-agent.conf": conf},
    }
    server.make(resources.CONFIG_MAPS, config)


@asynccontextmanager
async def following(server: ApiServer, folder: Path) -> AsyncIterator[Following]:
    async with unix_socket_path() as control, KubeClient(server.admin()) as client:
        follow = FollowOptions(folder / "none", remembered=folder / "overlay.json")
        found = Following(
            client, follow, AgentOptions(None, Path(control), "mac-1", leases=folder / "leases", drain_s=0)
        )
        task = spawn(found.run(), name="following")
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.wait([task])
            await found.close()


def peers(found: Following) -> list[str]:
    agent = found._agent
    return [peer.name for peer in agent.net.node.underlays[0].vtep.spec.peers] if agent is not None else []


def test_an_agent_is_made_of_the_clusters_objects_and_keeps_connections_through_their_changes(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with (
            api_server() as server,
            following(server, tmp_path) as found,
            KubeClient(server.admin()) as admin,
        ):
            assert found.status()["waiting_for"] == ["the API server"]
            await until(found._options.control.exists)
            answer = await get_json(found._options.control, "/status")
            assert (answer["overlays"], answer["cluster"]["waiting_for"]) == ([], ["the API server"])
            flannel(server)
            server.make(resources.NODES, us())
            await until(lambda: peers(found) == ["worker-1"])
            first = found._agent
            assert first is not None
            await admin.delete(resources.NODES, "worker-1")
            await until(lambda: peers(found) == [])
            assert found._agent is first
            status: dict[str, Any] = found.status()
            assert (status["cni"], status["waiting_for"], status["trouble"]) == ("flannel", [], "")
            assert (await get_json(found._options.control, "/status"))["overlays"] != []
            await until(lambda: recall(tmp_path / "overlay.json") != ())
            await found.close()  # what is not written yet, is written then
            assert recall(tmp_path / "overlay.json") == (first.net.node.underlays[0].vtep.spec,)

    run(main())


def addresses(*found: str) -> Object:
    return {"status": {"addresses": [{"type": "InternalIP", "address": one} for one in found]}}


def ends(found: Following) -> list[str]:
    """Where our sockets are bound."""
    agent = found._agent
    return [one.socket.address[0] for one in agent.net.node.underlays] if agent is not None else []


def published(server: ApiServer, key: str) -> str:
    node = server.store.get(resources.NODES, "", "mac-1")
    assert node is not None
    return str(node["metadata"].get("annotations", {}).get(PREFIX + key, ""))


@pytest.mark.loopback2
def test_a_new_address_moves_our_end_and_a_new_pod_cidr_makes_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            api_server() as server,
            following(server, tmp_path) as found,
            KubeClient(server.admin()) as admin,
        ):
            flannel(server)
            server.make(resources.NODES, us())
            await until(lambda: ends(found) == ["127.0.0.1"])
            first = found._agent
            await admin.patch(resources.NODES, "mac-1", addresses("127.0.0.2"), subresource="status")
            await until(lambda: ends(found) == ["127.0.0.2"])
            await until(lambda: published(server, "public-ip") == "127.0.0.2")
            assert found._agent is first
            await admin.delete(resources.NODES, "mac-1")
            moved = us("127.0.0.2")
            moved["spec"] = {"podCIDR": "10.244.9.0/24", "podCIDRs": ["10.244.9.0/24"]}
            server.make(resources.NODES, moved)
            await until(lambda: found._agent is not None and found._agent is not first)

    run(main())


@pytest.mark.loopback2
def test_an_address_that_is_not_there_yet_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with (
            api_server() as server,
            following(server, tmp_path) as found,
            KubeClient(server.admin()) as admin,
        ):
            flannel(server)
            server.make(resources.NODES, us())
            await until(lambda: ends(found) == ["127.0.0.1"])
            first = found._agent
            await admin.patch(resources.NODES, "mac-1", addresses("192.0.2.99"), subresource="status")
            await until(lambda: "cannot be made yet" in caplog.text)
            assert found._agent is first and ends(found) == ["127.0.0.1"]
            await admin.patch(resources.NODES, "mac-1", addresses("127.0.0.3"), subresource="status")
            await until(lambda: ends(found) == ["127.0.0.3"])
            assert found._agent is first

    run(main())


@pytest.mark.loopback2
@pytest.mark.ipv6
def test_a_family_whose_address_is_away_waits_and_the_other_moves(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            api_server() as server,
            following(server, tmp_path) as found,
            KubeClient(server.admin()) as admin,
        ):
            antrea(server)
            dual = us()
            dual["spec"]["podCIDRs"] = ["10.244.7.0/24", "fd00:7::/64"]
            dual |= addresses("127.0.0.1", "::1")
            server.make(resources.NODES, dual)
            await until(lambda: ends(found) == ["127.0.0.1", "::1"])
            first = found._agent
            await admin.patch(resources.NODES, "mac-1", addresses("127.0.0.2"), subresource="status")
            await until(lambda: ends(found) == ["127.0.0.2", "::1"])
            await admin.patch(resources.NODES, "mac-1", addresses("127.0.0.2", "::1"), subresource="status")
            await until(lambda: [len(one.address) for one in found._overlays] == [4, 16])
            assert found._agent is first
            assert [len(one.address) for one in recall(tmp_path / "overlay.json")] == [4, 16]

    run(main())


DENY: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"namespace": "default", "name": "deny"},
    "spec": {"podSelector": {}},
}


def pod(name: str, node: str = "mac-1") -> Object:
    spec = {"nodeName": node, "containers": [{"name": "llm", "image": "llm"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "default", "name": name},
        "spec": spec,
    }


def lease(folder: Path, name: str) -> bytes:
    """Its address, as CNI ADD gives it."""
    cidr = [ip_network("10.244.7.0/24")]
    (given,) = Leases(folder / "leases").give(
        cidr, ["10.244.7.1"], name, "eth0", "pods", f"default/{name}", folder / name
    )
    return ip_address(given.address).packed


def test_policies_are_enforced_from_the_first_moment_and_as_they_change(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            api_server() as server,
            following(server, tmp_path) as found,
            KubeClient(server.admin()) as admin,
        ):
            server.make(resources.NETWORK_POLICIES, DENY)
            server.make(resources.PODS, pod("llm-0"))
            address, peer = lease(tmp_path, "llm-0"), bytes((10, 244, 1, 9))
            flannel(server)
            server.make(resources.NODES, us())
            await until(lambda: found._agent is not None)
            agent = found._agent
            assert agent is not None
            policy = agent.net.policy

            def verdict() -> Verdict:
                return policy.verdict(Direction.INGRESS, address, peer, "TCP", 80)

            assert not verdict().allowed  # before anything was compiled
            # by its name alone: its status has no address
            await until(lambda: verdict().policy == "default/deny")
            for node in (agent.net.node.addresses[0], bytes((127, 0, 0, 1))):
                assert policy.verdict(Direction.INGRESS, address, node, "TCP", 80).allowed
            await admin.delete(resources.NETWORK_POLICIES, "deny", "default")
            await until(lambda: verdict().allowed)
            # a pod that comes later is nobody's to reach until it is known
            later = lease(tmp_path, "llm-1")
            await agent.look()
            assert not policy.verdict(Direction.INGRESS, later, peer, "TCP", 80).allowed
            server.make(resources.PODS, pod("llm-1"))
            await until(lambda: policy.verdict(Direction.INGRESS, later, peer, "TCP", 80).allowed)

    run(main())


def test_services_and_the_zone_of_this_node_are_followed(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            api_server() as server,
            following(server, tmp_path) as found,
            KubeClient(server.admin()) as admin,
        ):
            flannel(server)
            server.make(resources.NODES, us())
            await until(lambda: found._agent is not None)
            agent = found._agent
            assert agent is not None
            spec = {"clusterIP": "10.96.0.77", "ports": [{"port": 80}]}
            metadata = {"namespace": "default", "name": "llm"}
            server.make(
                resources.SERVICES,
                {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec},
            )
            llm = ServiceName("default", "llm")
            await until(lambda: agent.ways.services is not None and agent.ways.services.has(llm))
            zone = {"metadata": {"labels": {"topology.kubernetes.io/zone": "z1"}}}
            await admin.patch(resources.NODES, "mac-1", zone)
            await until(lambda: agent.ways.balancer.zone == "z1")

    run(main())
