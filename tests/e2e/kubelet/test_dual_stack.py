"""A pod of a dual-stack cluster: two addresses in its status, two ways to what it serves, one container."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from bronzewillow.kube.resources import PODS
from bronzewillow.testing.node_processes import NodeProcesses

from .conftest import HOST_IP, PROBES, STORY_S, Cluster, cluster, is_ready, pod

pytestmark = pytest.mark.e2e

HOST_IPV6 = "2001:db8::7"


async def get(found: Cluster, address: str, path: str) -> bytes:
    """Through the agent's door, as probes go; the first line of the answer."""
    reader, writer = await asyncio.open_unix_connection(str(found.config.door))
    host = f"[{address}]:8080" if ":" in address else f"{address}:8080"
    writer.write(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return line


def test_a_pod_has_an_address_of_each_family_and_serves_at_both(dual_stack: NodeProcesses) -> None:
    async def main() -> None:
        async with (
            asyncio.timeout(STORY_S),
            cluster(dual_stack, (HOST_IP, HOST_IPV6)) as found,
            found.shell(),
        ):
            await found.admin.create(PODS, pod(container=PROBES))
            status = (await found.until("tiny", is_ready))["status"]
            addresses = [one["ip"] for one in status["podIPs"]]
            assert [ip_address(one).version for one in addresses] == [4, 6]
            assert status["podIP"] == addresses[0]
            assert [one["ip"] for one in status["hostIPs"]] == [HOST_IP, HOST_IPV6]
            assert addresses[0].startswith("10.244.7.") and addresses[1].startswith("fd00:7::")
            for address in addresses:
                assert await get(found, address, "/health") == b"HTTP/1.1 200 OK\r\n"
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")

    asyncio.run(main())
