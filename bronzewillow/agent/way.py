"""The way to a destination: a Service's endpoint, a pod by the overlay, all else by the host's own sockets.

Nodes and hosts outside are dialled as this machine's programs dial them: the masquerading of every CNI would
make the same of it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Callable

from bronzewillow.agent.net import Net
from bronzewillow.host.splice import UPSTREAM, Splice
from bronzewillow.services.balancer import Balancer
from bronzewillow.services.names import parse_name
from bronzewillow.services.table import ServicePort, ServiceTable

_DIAL_LIMIT_S = 60.0


class Ways:
    """Of one node."""

    def __init__(self, net: Net, node: str = "", *, allows_hosts: Callable[[], bool] = lambda: False) -> None:
        """`allows_hosts`: whether what is no pod and no Service is dialled, too."""
        self._net = net
        self._allows_hosts = allows_hosts
        self._balancer = Balancer(random.SystemRandom(), node)
        self.services: ServiceTable | None = None
        """What the cluster's Services are; None where no cluster is followed."""

    async def dial(self, host: str, port: int, splice: Splice) -> tuple[int, str]:
        """Join the upstream side of `splice`; 200, or an HTTP status and the reason."""
        packed = _packed(host)
        service = self._service(host, packed, port)
        if service is not None:
            chosen = self._balancer.choose(service, self._net.node.addresses[0], self._net.node.clock.now())
            if chosen is None:
                return 503, f"Service {service.namespace}/{service.service} has no endpoint that is ready"
            packed, host, port = chosen.address, str(ipaddress.ip_address(chosen.address)), chosen.port
        elif packed is not None and self.services is not None and self.services.is_service_address(packed):
            return 502, "connection refused"  # a Service, but none of its ports: kube-proxy rejects that
        try:
            async with asyncio.timeout(_DIAL_LIMIT_S):
                if packed is not None and self._is_pod(packed):
                    if self._is_unused(packed):
                        return 502, "no route to host"  # no pod has it: nobody would answer
                    await self._net.create_connection(lambda: splice.sides[UPSTREAM], host, port)
                elif self._allows_hosts() or service is not None:
                    loop = asyncio.get_running_loop()
                    await loop.create_connection(lambda: splice.sides[UPSTREAM], host, port)
                else:
                    return 502, "no route to host"
        except TimeoutError:
            return 504, "connection timed out"
        except ConnectionRefusedError:
            return 502, "connection refused"
        except OSError as error:
            return 502, error.strerror or str(error) or "connection reset by peer"
        return 200, ""

    def _service(self, host: str, packed: bytes | None, port: int) -> ServicePort | None:
        if self.services is None:
            return None
        if packed is not None:
            return self.services.at(packed, "TCP", port)
        name = parse_name(host)
        return self.services.named(name, "TCP", port) if name is not None else None

    def _is_pod(self, packed: bytes) -> bool:
        node = self._net.node
        return node.owns(packed) or node.has_route(packed)

    def _is_unused(self, packed: bytes) -> bool:
        node = self._net.node
        return node.owns(packed) and packed not in node.stacks


def _packed(host: str) -> bytes | None:
    try:
        return ipaddress.ip_address(host).packed
    except ValueError:
        return None
