"""The demo's addresses: two nodes on 127.0.0.1 with a port each, since a Mac has no 127.0.0.2."""

from __future__ import annotations

import socket
from pathlib import Path

VNI = 1
_VXLAN_PORT = 4789
POD_NAME = "default/smollm2-0"
POD_ADDRESS = "10.244.7.10"
POD_PORT = 8080
NODE_CIDR = (socket.inet_aton("10.244.7.0"), 24)
NODE_MAC = bytes.fromhex("02bbbbbbbb02")
CLUSTER_CIDR = (socket.inet_aton("10.244.1.0"), 24)
CLUSTER_MAC = bytes.fromhex("02aaaaaaaa01")


def free_udp_ports() -> tuple[int, int]:
    """Two UDP ports of 127.0.0.1 that nobody uses now: VXLAN's own and its neighbour, else any.

    tcpdump and Wireshark look into VXLAN on 4789 without being told.
    """
    try:
        return _both(_VXLAN_PORT, _VXLAN_PORT + 1)
    except OSError:
        return _both(0, 0)


def _both(first: int, second: int) -> tuple[int, int]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("127.0.0.1", first))
        other.bind(("127.0.0.1", second))
        return one.getsockname()[1], other.getsockname()[1]


def node_toml(node_port: int, cluster_port: int, upstream: Path) -> str:
    """The model node's configuration."""
    return f"""\
[overlay]
encap = "vxlan"
address = "127.0.0.1"
port = {node_port}
vni = {VNI}
pod_cidr = "10.244.7.0/24"
mac = "{NODE_MAC.hex(":")}"

[[overlay.peers]]
name = "cluster-side"
address = "127.0.0.1"
port = {cluster_port}
mac = "{CLUSTER_MAC.hex(":")}"
pod_cidrs = ["10.244.1.0/24"]

[[pods]]
name = "{POD_NAME}"
address = "{POD_ADDRESS}"
ports = [{{ port = {POD_PORT}, upstream = "unix:{upstream}", protocol = "http" }}]
"""
