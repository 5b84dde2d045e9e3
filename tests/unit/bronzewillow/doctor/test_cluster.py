"""A cluster before this machine joins its network."""

from __future__ import annotations

import json

import pytest

from bronzewillow.adapters.network import ClusterNetwork, Cni, Refusal
from bronzewillow.doctor.cluster import check_cluster, findings_of
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server

pytestmark = pytest.mark.loopback


def flannel(server: ApiServer, backend: str = "vxlan") -> None:
    prefix = "flannel.alpha.coreos.com/"
    data = json.dumps({"VNI": 1, "VtepMAC": "02:aa:aa:aa:aa:01"})
    notes = {
        prefix + "backend-type": backend,
        prefix + "kube-subnet-manager": "true",
        prefix + "public-ip": "127.0.0.9",
        prefix + "backend-data": data,
    }
    for name, found in (("worker-1", notes), ("mac-1", {})):
        status = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}
        metadata = {"name": name, "annotations": found}
        server.make(
            resources.NODES, {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}
        )


async def lines(server: ApiServer, *, user: str = "", cni: Cni | None = None) -> list[str]:
    access = server.certified(user) if user else server.admin()
    async with KubeClient(access) as client:
        return [str(finding) for finding in await check_cluster(client, "mac-1", cni)]


def test_a_cluster_that_can_be_joined() -> None:
    async def main() -> list[str]:
        async with api_server() as server:
            flannel(server)
            return await lines(server)

    assert run(main()) == ["good     CNI: flannel", "good     way to 127.0.0.9: datagrams may leave"]


def test_a_cluster_whose_cni_is_none_of_ours() -> None:
    async def main() -> list[str]:
        async with api_server() as server:
            return await lines(server)

    [line] = run(main())
    assert line.startswith("broken   CNI: no CNI that this node can join shows itself")


def test_rights_that_are_missing() -> None:
    async def main() -> list[str]:
        async with api_server() as server:
            flannel(server)
            return await lines(server, user="nobody-in-particular", cni=Cni.FLANNEL)

    found = run(main())
    assert "broken   rights: may not list nodes; apply what `bronzewillow join --print-setup` prints" in found


def test_an_api_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bronzewillow.doctor.cluster._PATIENCE_S", 0.2)

    async def main() -> list[str]:
        async with api_server() as server:
            await server.stop()
            return await lines(server)

    [line] = run(main())
    assert line.startswith("broken   API server: ")


def test_refusals_come_with_their_cure() -> None:
    network = ClusterNetwork(
        Cni.CILIUM, waiting_for=("a",), refusals=(Refusal("routing-mode is native", "set it to tunnel"),)
    )
    assert [str(finding) for finding in findings_of(network)] == [
        "broken   cilium: routing-mode is native; set it to tunnel",
        "warning  cilium: waiting for a",
    ]
