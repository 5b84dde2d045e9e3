"""An agent in a cluster: made when its overlay is known, kept while its end stays, remade when it moves."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.agent.app import AgentOptions
from bronzewillow.agent.cli import get_json
from bronzewillow.agent.following import Following, FollowOptions
from bronzewillow.agent.remembered import recall
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import Object
from bronzewillow.policy.rules import Direction
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.loopback import unix_socket_path, until

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
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = json.dumps({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "Port": port}})
    metadata = {"namespace": "kube-system", "name": "kube-flannel-cfg"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"net-conf.json": conf}}
    server.make(resources.CONFIG_MAPS, config)
    server.make(resources.NODES, worker(port))


@asynccontextmanager
async def following(server: ApiServer, folder: Path) -> AsyncIterator[Following]:
    async with unix_socket_path() as control, KubeClient(server.admin()) as client:
        follow = FollowOptions(folder / "none", remembered=folder / "overlay.json")
        found = Following(client, follow, AgentOptions(None, Path(control), "mac-1", drain_s=0))
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
            assert recall(tmp_path / "overlay.json") == (first.net.node.underlays[0].vtep.spec,)
            status: dict[str, Any] = found.status()
            assert (status["cni"], status["waiting_for"], status["trouble"]) == ("flannel", [], "")
            assert (await get_json(found._options.control, "/status"))["overlays"] != []

    run(main())


def test_a_new_address_makes_a_new_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            api_server() as server,
            following(server, tmp_path) as found,
            KubeClient(server.admin()) as admin,
        ):
            flannel(server)
            server.make(resources.NODES, us())
            await until(lambda: found._agent is not None)
            first = found._agent
            status = {"status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.2"}]}}
            await admin.patch(resources.NODES, "mac-1", status, subresource="status")
            await until(lambda: found._agent is not None and found._agent is not first)
            assert found._agent is not None
            assert found._agent.net.node.underlays[0].vtep.spec.address == bytes((127, 0, 0, 2))

    run(main())


def test_policies_are_enforced(tmp_path: Path) -> None:
    async def main() -> None:
        async with api_server() as server, following(server, tmp_path) as found:
            flannel(server)
            server.make(resources.NODES, us())
            await until(lambda: found._agent is not None)
            agent = found._agent
            assert agent is not None
            pod, peer = bytes((10, 244, 7, 9)), bytes((10, 244, 1, 9))
            agent.net.node.add_stack(pod)
            metadata = {"namespace": "default", "name": "llm-0"}
            spec = {"nodeName": "mac-1", "containers": [{"name": "llm", "image": "llm"}]}
            server.make(
                resources.PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
            )
            async with KubeClient(server.admin()) as admin:
                running = {
                    "status": {"phase": "Running", "podIP": "10.244.7.9", "podIPs": [{"ip": "10.244.7.9"}]}
                }
                await admin.patch(resources.PODS, "llm-0", running, "default", subresource="status")
            deny = {"metadata": {"namespace": "default", "name": "deny"}, "spec": {"podSelector": {}}}
            server.make(
                resources.NETWORK_POLICIES,
                {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **deny},
            )
            policy = agent.net.policy
            await until(lambda: not policy.verdict(Direction.INGRESS, pod, peer, "TCP", 80).allowed)
            assert policy.verdict(Direction.INGRESS, pod, agent.net.node.addresses[0], "TCP", 80).allowed

    run(main())
