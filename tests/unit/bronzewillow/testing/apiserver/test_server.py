from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.client import KubeClient, PatchType, Selection
from bronzewillow.kube.errors import (
    Expired,
    Forbidden,
    NotFound,
    StatusError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import CONFIG_MAPS, NAMESPACES, NODES
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.refusals import too_many_requests
from bronzewillow.testing.apiserver.server import ApiServer, api_server
from bronzewillow.testing.leaping_loop import run_leaping

pytestmark = pytest.mark.loopback


def served(
    body: Callable[[ApiServer, KubeClient], Awaitable[None]],
    running: Callable[[Coroutine[Any, Any, None], float], None] = run,
) -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            await body(server, client)

    running(main(), 1000)


def test_the_whole_way_of_an_object() -> None:
    async def body(server: ApiServer, client: KubeClient) -> None:
        made = await client.create(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "default"}})
        made["data"] = {"k": "v"}
        made = await client.replace(CONFIG_MAPS, made)
        await client.patch(CONFIG_MAPS, "a", {"data": {"l": "w"}}, "default", type=PatchType.MERGE)
        page = await client.list(CONFIG_MAPS, Selection("default", fields="metadata.name=a"))
        assert page["items"][0]["data"] == {"k": "v", "l": "w"}
        await client.delete(CONFIG_MAPS, "a", "default")
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAPS, "a", "default")
        assert server.audit[-1] == ("kubernetes-admin", "get", "/api/v1/namespaces/default/configmaps/a", 404)

    served(body)


def test_who_asks() -> None:
    async def body(server: ApiServer, client: KubeClient) -> None:
        identities = {
            "system:node:a": server.certified("system:node:a", "system:nodes"),
            "system:anonymous": Access(server.cluster, HeldIdentity()),
        }
        for name, access in identities.items():
            async with KubeClient(access) as other:
                with pytest.raises(Forbidden, match=f'User "{name}" cannot list resource "namespaces"'):
                    await other.list(NAMESPACES)
        async with KubeClient(Access(server.cluster, HeldIdentity(Presented(token="false")))) as other:
            with pytest.raises(Unauthorized):
                await other.list(NAMESPACES)

    served(body)


def test_what_is_about_no_object() -> None:
    async def body(server: ApiServer, client: KubeClient) -> None:
        assert (await client.request("GET", "/version"))["major"] == "1"
        assert (await client.request("GET", "/api"))["versions"] == ["v1"]
        assert (await client.request("GET", "/api/v1"))["kind"] == "APIResourceList"
        assert (await client.request("GET", "/apis"))["kind"] == "APIGroupList"
        assert (await client.request("GET", "/apis/apps/v1"))["groupVersion"] == "apps/v1"
        async with client.stream("/livez") as pieces:
            assert [piece async for piece in pieces] == [b"ok"]
        for method, path in (
            ("GET", "/nonsense"),
            ("GET", "/api/v1/things"),
            ("POST", "/api/v1/nodes/a/fly"),
        ):
            with pytest.raises(NotFound):
                await client.request(method, path, body={})
        with pytest.raises(StatusError) as caught:
            await client.request("DELETE", "/api/v1/nodes")
        assert caught.value.code == 405

    served(body)


def test_faults() -> None:
    async def body(server: ApiServer, client: KubeClient) -> None:
        server.faults.refuse(too_many_requests("slow down", 3))
        with pytest.raises(TooManyRequests) as caught:
            await client.list(NODES)
        assert caught.value.retry_after_s == 3
        server.faults.unavailable(lambda method, path: path == "/api/v1/nodes")
        with pytest.raises(Unavailable):
            await client.list(NODES)
        server.faults.hang()
        with pytest.raises(Unreachable):
            await client.list(NODES)
        await client.list(NODES)

    served(body, run_leaping)


def test_a_restart_cuts_all_off_and_forgets() -> None:
    async def body(server: ApiServer, client: KubeClient) -> None:
        page = await client.list(NAMESPACES, limit=1)
        version, token = page["metadata"]["resourceVersion"], page["metadata"]["continue"]
        with pytest.raises(Unreachable):
            async with client.watch(NODES, resource_version=version, timeout_s=60) as events:
                await server.restart()
                await anext(events)
        with pytest.raises(Expired):
            async with client.watch(NODES, resource_version=version, timeout_s=60) as events:
                await anext(events)
        with pytest.raises(Expired):
            await client.list(NAMESPACES, token=token)
        assert len((await client.list(NAMESPACES))["items"]) == 4

    served(body)


def test_nobody_is_there_while_it_is_stopped() -> None:
    async def body(server: ApiServer, client: KubeClient) -> None:
        await server.stop()
        with pytest.raises(Unreachable):
            await client.list(NODES)
        await server.start()
        await client.list(NODES)

    served(body)


@pytest.mark.parametrize(
    ("data", "kind"), [("{", "application/json"), ([], "application/json"), ({}, "text/x")]
)
def test_what_is_no_body(data: object, kind: str) -> None:
    async def body(server: ApiServer, client: KubeClient) -> None:
        with pytest.raises(StatusError) as caught:
            await client.request("POST", "/api/v1/nodes", body=data, content_type=kind)
        assert caught.value.code in (400, 415)

    served(body)
