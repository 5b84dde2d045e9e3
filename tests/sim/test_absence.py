"""A day without an API server: pods are reached all the while, and its news are learnt at the end."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.agent import app, following
from bronzewillow.agent.app import AgentOptions
from bronzewillow.agent.client import PodConnector
from bronzewillow.agent.following import Following, FollowOptions
from bronzewillow.agent.net import Net
from bronzewillow.cni.leases import Leases
from bronzewillow.host.tasks import spawn
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import Object
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.testing import leaping_loop
from bronzewillow.testing.agents import answer_with_path
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import unix_server, unix_socket_path, until
from bronzewillow.testing.ports import free_udp_port
from bronzewillow.wire.encap import Encap

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
PREFIX = "flannel.alpha.coreos.com/"
HOUR_S = 3600.0


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks twice a second looks once a minute, or the day would take half an hour."""
    monkeypatch.setattr(following, "_COMPILE_EVERY_S", 60.0)
    monkeypatch.setattr(app, "LOOK_EVERY_S", 60.0)
    monkeypatch.setattr(leaping_loop, "_LONGEST_LEAP_S", 60.0)
    monkeypatch.setattr(leaping_loop, "_PATIENCE_S", 0.002)  # nobody answers, so nobody is waited for


def worker(number: int, address: str) -> Object:
    data = json.dumps({"VNI": 1, "VtepMAC": f"02:aa:aa:aa:aa:{number:02x}"})
    notes = {"kube-subnet-manager": "true", "backend-type": "vxlan", "public-ip": address}
    annotations = {PREFIX + key: value for key, value in {**notes, "backend-data": data}.items()}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"worker-{number}", "annotations": annotations},
        "spec": {"podCIDR": f"10.244.{number}.0/24", "podCIDRs": [f"10.244.{number}.0/24"]},
    }


def lay(server: ApiServer, port: int) -> None:
    """Flannel, two workers, us, and our pod."""
    conf = json.dumps({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "Port": port}})
    metadata = {"namespace": "kube-system", "name": "kube-flannel-cfg"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"net-conf.json": conf}}
    server.make(resources.CONFIG_MAPS, config)
    server.make(resources.NODES, worker(1, "127.0.0.2"))
    server.make(resources.NODES, worker(2, "127.0.0.4"))
    mac = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "mac-1"},
        "spec": {"podCIDR": "10.244.7.0/24", "podCIDRs": ["10.244.7.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]},
    }
    server.make(resources.NODES, mac)
    spec = {"nodeName": "mac-1", "containers": [{"name": "llm", "image": "llm"}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "default", "name": "llm-0"},
        "spec": spec,
    }
    server.make(resources.PODS, pod)


def worker_net(port: int) -> Net:
    """The other end: worker-1."""
    mac = bytes((2, 0xAA, 0xAA, 0xAA, 0xAA, 1))
    peer = Peer(
        "mac-1", bytes((127, 0, 0, 1)), port, bytes((2, 0, 0, 0, 0, 7)), ((bytes((10, 244, 7, 0)), 24),)
    )
    cidr = (bytes((10, 244, 1, 0)), 24)
    return Net(OverlaySpec(Encap.VXLAN, bytes((127, 0, 0, 2)), port, 1, (cidr,), mac, 1450, (peer,)))


def peers(found: Following) -> list[str]:
    agent = found._agent
    return [peer.name for peer in agent.net.node.underlays[0].vtep.spec.peers] if agent is not None else []


async def ask(net: Net, address: str, path: str) -> str:
    async with (
        aiohttp.ClientSession(connector=PodConnector(net)) as session,
        session.get(f"http://{address}:8080/{path}") as response,
    ):
        return await response.text()


def test_a_day_without_an_api_server(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_udp_port()
        async with (
            api_server() as server,
            unix_socket_path() as control,
            KubeClient(server.admin()) as client,
        ):
            lay(server, port)
            sockets = Path(control).parent / "p"
            sockets.mkdir()
            (lease,) = Leases(tmp_path / "leases").give(
                [ip_network("10.244.7.0/24")], ["10.244.7.1"], "c", "eth0", "pods", "default/llm-0", sockets
            )
            options = AgentOptions(None, Path(control), "mac-1", leases=tmp_path / "leases", drain_s=0)
            found = Following(client, FollowOptions(tmp_path / "none"), options)
            task = spawn(found.run(), name="following")
            net = worker_net(port)
            async with unix_server(str(sockets / "8080.sock"), answer_with_path):
                await until(lambda: peers(found) == ["worker-1", "worker-2"])
                await asyncio.sleep(180.0)
                assert await ask(net, lease.address, "before") == "/before"
                agent = found._agent
                await server.stop()
                gone = server.store.get(resources.NODES, "", "worker-2")
                assert gone is not None
                server.store.remove(resources.NODES, gone)
                server.make(resources.NODES, worker(3, "127.0.0.5"))
                for hour in range(0, 24, 4):
                    await asyncio.sleep(4 * HOUR_S)
                    assert await ask(net, lease.address, f"hour-{hour}") == f"/hour-{hour}"
                    assert peers(found) == ["worker-1", "worker-2"]
                    assert "Connection refused" in found.status()["trouble"]
                await server.start()
                await until(lambda: peers(found) == ["worker-1", "worker-3"])
                assert await ask(net, lease.address, "after") == "/after"
                assert found._agent is agent
                await until(lambda: not found.status()["trouble"])
            net.close()
            task.cancel()
            await asyncio.wait([task])
            await found.close()

    run_leaping(main(), 30 * HOUR_S)
