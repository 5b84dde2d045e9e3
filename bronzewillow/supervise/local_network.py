"""The network of a node that nobody has configured: on this machine alone, without peers."""

from __future__ import annotations

import socket

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
    """For the agent, on a port of the system's choice: nobody sends to it.

    Not VXLAN's own, where it is free: two nodes that start together would both find it so.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return _CONFIG.format(port=probe.getsockname()[1])
