"""The pods of a node: for each address a stack, for each port a server, which all addresses share."""

from __future__ import annotations

import asyncio
import hmac
import logging
from dataclasses import dataclass, field

from bronzewillow.agent.addresses import address_text
from bronzewillow.agent.config import PodSpec, PortSpec
from bronzewillow.agent.net import Net, NetServer
from bronzewillow.agent.way import Caller
from bronzewillow.host.tasks import spawn
from bronzewillow.proxy import HttpProxy, ProxyMetrics, Relay

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Served:
    spec: PortSpec
    server: HttpProxy | Relay
    listening: list[NetServer]
    """One of each address."""

    def stop_listening(self) -> None:
        for one in self.listening:
            one.close()


@dataclass(slots=True)
class _Pod:
    spec: PodSpec
    ports: dict[int, _Served] = field(default_factory=dict)


class Pods:
    """What `[[pods]]` asks for, made to be."""

    def __init__(self, net: Net, metrics: ProxyMetrics, drain_s: float) -> None:
        self._net = net
        self._metrics = metrics
        self._drain_s = drain_s
        # by addresses: while one is made anew, its name is there twice
        self._pods: dict[tuple[bytes, ...], _Pod] = {}

    @property
    def names(self) -> dict[bytes, str]:
        """Pod names by address."""
        return {address: pod.spec.name for addresses, pod in self._pods.items() for address in addresses}

    def specs(self) -> list[PodSpec]:
        """The pods as they are now."""
        return [pod.spec for pod in self._pods.values()]

    def caller(self, name: str, password: str) -> Caller | None:
        """The pod that says this at the outlet; None when it is no pod's."""
        said = name.encode(), password.encode()
        for pod in self._pods.values():
            known = pod.spec.credentials
            if known is not None and all(
                hmac.compare_digest(one.encode(), other) for one, other in zip(known, said, strict=True)
            ):
                return Caller(pod.spec.name, pod.spec.addresses)
        return None

    async def apply(self, specs: tuple[PodSpec, ...]) -> None:
        """Bring pods and ports in line with `specs`; what stays the same is not touched."""
        wanted = {spec.addresses: spec for spec in specs}
        for one in [a for a, p in self._pods.items() if a not in wanted or wanted[a].name != p.spec.name]:
            await self._remove(one)
        for spec in specs:
            pod = self._pods.get(spec.addresses)
            if pod is None:
                for address in spec.addresses:
                    self._net.node.add_stack(address)
                pod = self._pods[spec.addresses] = _Pod(spec)
                _log.info("pod %s at %s", spec.name, ", ".join(map(address_text, spec.addresses)))
            pod.spec = spec
            ports = {port.port: port for port in spec.ports}
            for number in [n for n, served in pod.ports.items() if served.spec != ports.get(n)]:
                served = pod.ports.pop(number)
                served.stop_listening()
                spawn(served.server.close(self._drain_s), name=f"drain {spec.name}:{number}")
            for port in spec.ports:
                if port.port not in pod.ports:
                    pod.ports[port.port] = await self._serve(spec, port)

    async def close(self, drain_s: float) -> None:
        """Stop accepting, let requests end for at most `drain_s` seconds, then cut them off."""
        ports = [served for pod in self._pods.values() for served in pod.ports.values()]
        for served in ports:
            served.stop_listening()
        await asyncio.gather(*(served.server.close(drain_s) for served in ports))

    async def _serve(self, pod: PodSpec, port: PortSpec) -> _Served:
        kind = HttpProxy if port.protocol == "http" else Relay
        server = kind(pod=pod.name, port=port.port, upstream=port.upstream, metrics=self._metrics)
        await server.start()
        listening = [
            await self._net.create_server(server.protocol_factory, address_text(address), port.port)
            for address in pod.addresses
        ]
        _log.info("pod %s port %d (%s) to %s", pod.name, port.port, port.protocol, port.upstream)
        return _Served(port, server, listening)

    async def _remove(self, addresses: tuple[bytes, ...]) -> None:
        pod = self._pods.pop(addresses)
        for served in pod.ports.values():
            served.stop_listening()
        await asyncio.gather(*(served.server.close(0) for served in pod.ports.values()))
        for address in addresses:
            self._net.node.remove_stack(address)
        _log.info("pod %s is gone", pod.spec.name)
