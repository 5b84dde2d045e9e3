"""The demo's two nodes fit together."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bronzewillow.agent.config import parse_config
from bronzewillow.demo.layout import (
    CLUSTER_CIDR,
    CLUSTER_MAC,
    NODE_CIDR,
    NODE_MAC,
    POD_ADDRESS,
    POD_NAME,
    POD_PORT,
    VNI,
    free_udp_ports,
    node_toml,
)
from bronzewillow.overlay.spec import contains
from bronzewillow.testing.ports import free_udp_neighbours


def test_the_configuration_is_one_that_the_agent_takes() -> None:
    config = parse_config(node_toml(4789, 4790, Path("/tmp/t/model.sock")), "node.toml", "mac-1")
    assert (config.overlays[0].port, config.overlays[0].vni, config.overlays[0].mac) == (4789, VNI, NODE_MAC)
    assert config.overlays[0].pod_cidrs == (NODE_CIDR,)
    (peer,) = config.overlays[0].peers
    assert (peer.port, peer.mac, peer.prefixes) == (4790, CLUSTER_MAC, (CLUSTER_CIDR,))
    (pod,) = config.pods
    assert contains(NODE_CIDR, pod.addresses[0])
    assert (pod.addresses, pod.ports[0].port) == ((socket.inet_aton(POD_ADDRESS),), POD_PORT)
    assert (pod.ports[0].upstream.path, pod.ports[0].protocol) == ("/tmp/t/model.sock", "http")
    assert pod.name == POD_NAME


def test_vxlans_own_port_and_its_neighbour_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = free_udp_neighbours()
    monkeypatch.setattr("bronzewillow.demo.layout._VXLAN_PORT", first)  # 4789 may be somebody's here
    assert free_udp_ports() == (first, first + 1)


def test_a_neighbour_that_is_taken_makes_both_any(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = free_udp_neighbours()
    monkeypatch.setattr("bronzewillow.demo.layout._VXLAN_PORT", first)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", first + 1))
        assert first + 1 not in free_udp_ports()


def test_ports_are_two_even_where_vxlans_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = free_udp_neighbours()
    monkeypatch.setattr("bronzewillow.demo.layout._VXLAN_PORT", first)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", first))
        ports = free_udp_ports()
    assert len(set(ports)) == 2
    assert first not in ports
