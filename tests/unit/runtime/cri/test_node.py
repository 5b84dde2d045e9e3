from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.api import cri_pb2 as api
from runtime.cri.errors import InvalidArgument
from runtime.cri.images import Images
from runtime.cri.node import Node, new_id, parse_pod_cidrs
from runtime.cri.records import Container, Sandbox
from runtime.imagestore import ImageStore
from runtime.networks.config import OWN_NETWORK
from runtime.networks.network import Network
from runtime.registry.client import ClientConfig


def test_what_pods_and_containers_share(tmp_path: Path) -> None:
    async def main() -> None:
        images = Images(ImageStore(tmp_path / "store"), ClientConfig())
        node = Node(tmp_path, images, Network(OWN_NETWORK, tmp_path / "networks"), tmp_path / "p")
        sandbox = Sandbox(new_id(), api.PodSandboxConfig(), 1)
        containers = [Container(new_id(), sandbox.id, api.ContainerConfig(), n, "", "") for n in (3, 2)]
        other = Container(new_id(), new_id(), api.ContainerConfig(), 1, "", "")
        for one in (*containers, other):
            node.containers.put(one)
        assert node.containers_of(sandbox) == containers[::-1]
        assert node.lock(sandbox.id) is node.lock(sandbox.id) is not node.lock(other.id)
        heard = node.events.listen()
        node.tell(api.ContainerEventType.CONTAINER_STARTED_EVENT, containers[0].id, sandbox)
        event = await anext(aiter(heard))
        assert [one.id for one in event.containers_statuses] == [one.id for one in containers[::-1]]
        assert len(sandbox.id) == 64

    run(main())


def test_a_program_beside_a_container_finds_what_the_network_gives_the_pod(tmp_path: Path) -> None:
    images = Images(ImageStore(tmp_path / "store"), ClientConfig())
    node = Node(tmp_path, images, Network(OWN_NETWORK, tmp_path / "networks"), tmp_path / "p")
    config = api.ContainerConfig(envs=[api.KeyValue(key="A", value=b"pod")])
    container = Container(new_id(), new_id(), config, 1, "", "")
    assert node.environment_beside(container) == {"A": "pod"}
    sockets = node.sockets_of(container.sandbox_id)
    assert sockets == tmp_path / "p" / container.sandbox_id[:12]
    sockets.mkdir(parents=True)
    (sockets / "environment").write_text("A=network\nHTTP_PROXY=http://x\n")
    assert node.environment_beside(container) == {"A": "pod", "HTTP_PROXY": "http://x"}


def test_pod_cidrs_as_a_kubelet_tells_them() -> None:
    assert parse_pod_cidrs("10.244.7.0/24") == "10.244.7.0/24"
    assert parse_pod_cidrs("10.244.7.0/24, fd00::/64") == "10.244.7.0/24,fd00::/64"
    assert parse_pod_cidrs("") == ""
    for text in ("10.244.7.1/24", "none", "10.244.7.0/24,"):
        with pytest.raises(InvalidArgument, match="the pod CIDR"):
            parse_pod_cidrs(text)
