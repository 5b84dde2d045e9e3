"""tcpSocket. Source: kubernetes/kubernetes, pkg/probe/tcp/tcp.go."""

from __future__ import annotations

import asyncio

from kubelet.model.outcomes import Probed, ProbeResult
from kubelet.model.pod_spec import Object, text
from kubelet.probes.door import DialError, Door
from kubelet.probes.ports import port_of


async def tcp_probe(door: Door, address: str, action: Object, container: Object, timeout_s: float) -> Probed:
    """Whether a connection can be made. PortError."""
    host, port = text(action.get("host")) or address, port_of(action.get("port"), container)
    try:
        async with asyncio.timeout(timeout_s):
            transport = await door.connect(asyncio.Protocol(), host, port)
    except TimeoutError:
        return Probed(ProbeResult.FAILURE, f"dial tcp {host}:{port}: i/o timeout")
    except DialError as error:
        return Probed(ProbeResult.FAILURE, str(error))
    transport.abort()
    return Probed(ProbeResult.SUCCESS)
