"""The demo's two nodes fit together."""

from __future__ import annotations

import socket
from pathlib import Path

from bronzewillow.agent.config import parse_config
from bronzewillow.demo.layout import (
    CLUSTER_CIDR,
    CLUSTER_MAC,
    NODE_CIDR,
    NODE_MAC,
    POD_ADDRESS,
    POD_PORT,
    VNI,
    free_udp_ports,
    node_toml,
)
from bronzewillow.overlay.spec import contains


def test_the_configuration_is_one_that_the_agent_takes() -> None:
    config = parse_config(node_toml(4789, 4790, Path("/tmp/t/model.sock")), "node.toml", "mac-1")
    assert (config.overlay.port, config.overlay.vni, config.overlay.mac) == (4789, VNI, NODE_MAC)
    assert config.overlay.pod_cidr == NODE_CIDR
    (peer,) = config.overlay.peers
    assert (peer.port, peer.mac, peer.prefixes) == (4790, CLUSTER_MAC, (CLUSTER_CIDR,))
    (pod,) = config.pods
    assert contains(NODE_CIDR, pod.address)
    assert (pod.address, pod.ports[0].port) == (socket.inet_aton(POD_ADDRESS), POD_PORT)
    assert pod.ports[0].upstream.path == "/tmp/t/model.sock"


def test_ports_are_free_even_where_vxlans_own_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        try:
            other.bind(("127.0.0.1", 4789))
        except OSError:
            other.bind(("127.0.0.1", 0))  # somebody else has it: as good
        ports = free_udp_ports()
        assert len(set(ports)) == 2
        assert 4789 not in ports
        for port in ports:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", port))
