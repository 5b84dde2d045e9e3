"""Where a destination is reached: a Service's endpoint, a pod, a host, nowhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bronzewillow.agent.way import Ways
from bronzewillow.host.splice import CLIENT, Splice
from bronzewillow.services.table import ServiceTable
from bronzewillow.testing.agents import AgentRig, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import listening, until
from bronzewillow.testing.overlay import OTHER_POD, POD

pytestmark = pytest.mark.loopback


def service(name: str, address: str, endpoint: str, port: int, *, ready: bool = True) -> tuple[Any, Any]:
    ports = [{"port": 80}]
    found = {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"clusterIP": address, "clusterIPs": [address], "ports": ports},
    }
    endpoints = {
        "metadata": {"namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"port": port}],
        "endpoints": [{"addresses": [endpoint], "conditions": {"ready": ready, "serving": ready}}],
    }
    return found, endpoints


def ways(rig: AgentRig, *, hosts: bool = False, services: list[tuple[Any, Any]] | None = None) -> Ways:
    found = Ways(rig.agent.net, "mac-1", allows_hosts=lambda: hosts)
    if services is not None:
        found.services = ServiceTable([one for one, _ in services], [one for _, one in services])
    return found


class Client(asyncio.Transport):
    """The other end of a splice, which is only closed here."""

    def close(self) -> None:
        return None

    def abort(self) -> None:
        return None

    def pause_reading(self) -> None:
        return None

    def resume_reading(self) -> None:
        return None

    def is_closing(self) -> bool:
        return True


async def dialled(way: Ways, host: str, port: int) -> tuple[int, str]:
    splice = Splice(idle_timeout_s=60)
    splice.sides[CLIENT].connection_made(Client())
    answer = await way.dial(host, port, splice)
    splice.abort()
    return answer


def test_pods_and_what_is_none() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            way = ways(rig)
            assert await dialled(way, POD, 8080) == (200, "")
            assert await dialled(way, POD, 81) == (502, "connection refused")
            assert await dialled(way, OTHER_POD, 80) == (502, "no route to host")
            assert await dialled(way, "192.0.2.77", 80) == (502, "no route to host")
            await until(lambda: not rig.agent.net.open_connections)

    run(main())


def test_a_service_by_address_and_name() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            services = [
                service("llm", "10.96.0.7", POD, 8080),
                service("gone", "10.96.0.8", POD, 8080, ready=False),
            ]
            way = ways(rig, services=services)
            for host in ("10.96.0.7", "llm.default", "llm.default.svc.cluster.local"):
                assert await dialled(way, host, 80) == (200, "")
            assert await dialled(way, "10.96.0.7", 81) == (502, "connection refused")
            status, reason = await dialled(way, "gone.default", 80)
            assert (status, reason) == (503, "Service default/gone has no endpoint that is ready")
            assert await dialled(way, "llm.elsewhere", 80) == (502, "no route to host")

    run(main())


def test_hosts_are_dialled_where_that_is_allowed() -> None:
    async def main() -> None:
        async with running_agent() as rig, listening(asyncio.Protocol) as port:
            assert await dialled(ways(rig), "127.0.0.1", port) == (502, "no route to host")
            assert await dialled(ways(rig, hosts=True), "127.0.0.1", port) == (200, "")
            # a Service's endpoint may be on a node's own network
            services = [service("api", "10.96.0.1", "127.0.0.1", port)]
            assert await dialled(ways(rig, services=services), "10.96.0.1", 80) == (200, "")

    run(main())
