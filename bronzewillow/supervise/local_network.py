"""The network of a node that nobody has configured: on this machine alone, without peers."""

from __future__ import annotations

import socket

_VXLAN_PORT = 4789
_CONFIG = """\
# Written by `bronzewillow up`, which was given no --config.
[overlay]
encap = "vxlan"
address = "127.0.0.1"
port = {port}
vni = 1
pod_cidr = "10.244.7.0/24"
"""


def local_config() -> str:
    """For the agent. Nobody sends to its port: any that is free will do."""
    return _CONFIG.format(port=_free_port())


def _free_port() -> int:
    for port in (_VXLAN_PORT, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return _VXLAN_PORT
