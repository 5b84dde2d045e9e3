"""Pods that have their address from the CNI plugin: their leases, and the sockets that their containers open.

A container serves port 8080 by opening `8080.sock` in the folder of its lease; `9000.tcp.sock` is relayed as
it is, without HTTP. A port is served from when its socket stands there until it is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

from bronzewillow.agent.config import PodSpec, PortSpec
from bronzewillow.cni.leases import Lease, Leases
from bronzewillow.proxy import Upstream

LOOK_EVERY_S = 0.25
_SOCKET = re.compile(r"([1-9]\d{0,4})(\.tcp)?\.sock")
_MOST_PORTS = 128


def leased_pods(leases: Leases, owns: Callable[[bytes], bool]) -> tuple[PodSpec, ...]:
    """The pods whose leased addresses the overlay `owns`, with the ports that they serve now. CniError."""
    attachments: dict[tuple[str, str, str], list[Lease]] = {}
    for lease in leases.all():
        if owns(ip_address(lease.address).packed):
            key = lease.container_id, lease.ifname, lease.network
            attachments.setdefault(key, []).append(lease)
    return tuple(map(_pod, attachments.values()))


def _pod(leases: Sequence[Lease]) -> PodSpec:
    """The pod of one attachment."""
    lease = leases[0]
    ports: dict[int, PortSpec] = {}
    try:
        names = sorted(path.name for path in Path(lease.sockets).iterdir())
    except OSError:
        names = []
    for name in names:
        found = _SOCKET.fullmatch(name)
        if found and int(found[1]) < 65536 and len(ports) < _MOST_PORTS:
            upstream = Upstream(path=str(Path(lease.sockets) / name))
            ports.setdefault(int(found[1]), PortSpec(int(found[1]), upstream, "tcp" if found[2] else "http"))
    addresses = tuple(ip_address(one.address).packed for one in leases)
    credentials = (lease.name_at_outlet, lease.password) if lease.password else None
    return PodSpec(lease.pod, addresses, tuple(ports.values()), credentials)
