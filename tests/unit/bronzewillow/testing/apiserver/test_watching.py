from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import BadRequest, Expired
from bronzewillow.kube.resources import CONFIG_MAPS, PODS
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server

pytestmark = pytest.mark.loopback


def config_map(server: ApiServer, name: str) -> str:
    made = server.make(CONFIG_MAPS, {"metadata": {"name": name, "namespace": "default"}})
    return str(made["metadata"]["resourceVersion"])


async def raw(client: KubeClient, **query: str) -> list[str]:
    """The lines of a watch that ends by itself."""
    asked = {"watch": "true", "timeoutSeconds": "0.05", **query}
    async with client.stream(CONFIG_MAPS.path("default"), query=asked) as pieces:
        return b"".join([piece async for piece in pieces]).decode().splitlines()


def test_events_come_as_they_happen() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            version = config_map(server, "a")
            async with client.watch(CONFIG_MAPS, resource_version=version, timeout_s=60) as events:
                config_map(server, "b")
                kind, obj = await anext(events)
                assert (kind, obj["metadata"]["name"]) == ("ADDED", "b")

    run(main())


def test_bookmarks_move_the_version() -> None:
    async def main() -> None:
        async with api_server(bookmark_s=0.01) as server, KubeClient(server.admin()) as client:
            version = config_map(server, "a")
            async with client.watch(PODS, resource_version=version, timeout_s=60) as events:
                newest = config_map(server, "b")
                while True:
                    kind, obj = await anext(events)
                    assert kind == "BOOKMARK"
                    if obj["metadata"]["resourceVersion"] == newest:
                        break

    run(main())


@pytest.mark.parametrize("by_code", [False, True])
def test_both_forms_of_410(by_code: bool) -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            server.faults.expires_by_code = by_code
            server.expire()
            with pytest.raises(Expired, match="too old resource version"):
                async with client.watch(PODS, resource_version="1", timeout_s=60) as events:
                    await anext(events)
            assert server.audit[-1][3] == (410 if by_code else 200)

    run(main())


def test_what_there_is_comes_first_when_no_version_is_given() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            config_map(server, "a")
            lines = await raw(client)
            assert ['"type": "ADDED"' in line for line in lines] == [True, True]
            initial: dict[str, Any] = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
            lines = await raw(client, allowWatchBookmarks="true", **initial)
            assert "k8s.io/initial-events-end" in lines[2]
            with pytest.raises(BadRequest):
                await raw(client, sendInitialEvents="true")

    run(main())


def test_a_partition_holds_events_back() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            version = config_map(server, "a")
            async with client.watch(CONFIG_MAPS, resource_version=version, timeout_s=60) as events:
                server.faults.partition()
                config_map(server, "b")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await anext(events)
            server.faults.heal()

    run(main())
