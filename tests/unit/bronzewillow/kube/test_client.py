from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiohttp import web

from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.client import KubeClient, PatchType, Selection
from bronzewillow.kube.errors import BadAnswer, Conflict, NotFound, Unauthorized, Unreachable
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import LEASES, NODES, PODS
from bronzewillow.testing.aio import run
from bronzewillow.testing.leaping_loop import run_leaping

pytestmark = pytest.mark.loopback

Talking = Callable[..., AbstractAsyncContextManager[KubeClient]]


class Recording:
    """Answers all requests alike, and keeps them."""

    def __init__(self, answer: object = None, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.asked: list[tuple[str, str, str, Any]] = []
        self.headers: list[Any] = []

    async def respond(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.headers.append(request.headers)
        self.asked.append((request.method, request.path_qs, request.content_type, body and json.loads(body)))
        return web.json_response(self.answer, status=self.status)


def asked(talking: Talking, call: Callable[[KubeClient], Any]) -> tuple[str, str, str, Any]:
    server = Recording({"items": []})

    async def main() -> None:
        async with talking(server.respond) as client:
            await call(client)

    run(main())
    return server.asked[0]


def test_get_and_list(talking: Talking) -> None:
    assert asked(talking, lambda client: client.get(NODES, "a"))[:2] == ("GET", "/api/v1/nodes/a")
    selection = Selection("d", fields="spec.nodeName=a", labels="x=y")
    method, path, _, _ = asked(
        talking, lambda client: client.list(PODS, selection, limit=5, token="t", resource_version="7")
    )
    assert (method, path) == (
        "GET",
        "/api/v1/namespaces/d/pods?fieldSelector=spec.nodeName%3Da&labelSelector=x%3Dy"
        "&limit=5&continue=t&resourceVersion=7",
    )


def test_writing(talking: Talking) -> None:
    lease = {"metadata": {"name": "a", "namespace": "n"}}
    base = "/apis/coordination.k8s.io/v1/namespaces/n/leases"
    assert asked(talking, lambda client: client.create(LEASES, lease)) == (
        "POST",
        base,
        "application/json",
        lease,
    )
    assert asked(talking, lambda client: client.replace(LEASES, lease))[:2] == ("PUT", f"{base}/a")
    assert asked(talking, lambda client: client.patch(PODS, "a", {"x": 1}, "d", subresource="status")) == (
        "PATCH",
        "/api/v1/namespaces/d/pods/a/status",
        "application/strategic-merge-patch+json",
        {"x": 1},
    )
    assert (
        asked(talking, lambda client: client.patch(NODES, "a", [], type=PatchType.JSON))[2]
        == "application/json-patch+json"
    )
    assert asked(talking, lambda client: client.delete(PODS, "a", "d", grace_period_s=0, uid="u"))[3] == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
    }
    assert asked(talking, lambda client: client.create_subresource(PODS, "a", "eviction", {}, "d"))[:2] == (
        "POST",
        "/api/v1/namespaces/d/pods/a/eviction",
    )


def test_items_of_a_list_say_what_they_are(talking: Talking) -> None:
    server = Recording({"items": [{"metadata": {"name": "a", "uid": "u"}}]})

    async def main() -> None:
        async with talking(server.respond) as client:
            page = await client.list(PODS)
            assert (page["items"][0]["apiVersion"], page["items"][0]["kind"]) == ("v1", "Pod")

    run(main())


@pytest.mark.parametrize("answer", [[], {"items": [{}]}, {"items": [{"metadata": {"name": 1, "uid": "u"}}]}])
def test_what_is_no_list(talking: Talking, answer: object) -> None:
    async def main() -> None:
        async with talking(Recording(answer).respond) as client:
            with pytest.raises(BadAnswer):
                await client.list(PODS)

    run(main())


def test_refusals_are_errors(talking: Talking) -> None:
    async def main() -> None:
        async with talking(Recording({"reason": "Conflict", "message": "changed"}, 409).respond) as client:
            with pytest.raises(Conflict, match="changed"):
                await client.replace(NODES, {"metadata": {"name": "a"}})
        async with talking(Recording("?", 404).respond) as client:
            with pytest.raises(NotFound, match="GET /api/v1/nodes/a: answered 404"):
                await client.get(NODES, "a")

    run(main())


def test_nobody_there() -> None:
    async def main() -> None:
        async with KubeClient(Access(Cluster("http://127.0.0.1:1"), HeldIdentity())) as client:
            with pytest.raises(Unreachable, match=r"http://127.0.0.1:1: GET /api/v1/nodes/a: .+"):
                await client.get(NODES, "a")

    run(main())


def test_silence_has_an_end(talking: Talking) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async def main() -> None:
        async with talking(never) as found:
            client = KubeClient(Access(Cluster(found.server), HeldIdentity()), timeout_s=30)
            with pytest.raises(Unreachable, match="no answer in time"):
                await client.get(NODES, "a")
            await client.close()

    run_leaping(main(), 1000)


class Renewable:
    """Becomes better once."""

    def __init__(self) -> None:
        self.tokens = ["old", "new"]

    async def present(self) -> Presented:
        return Presented(token=self.tokens[0])

    def forget(self) -> bool:
        if len(self.tokens) == 1:
            return False
        self.tokens.pop(0)
        return True


def test_a_401_asks_for_better_credentials_once(talking: Talking) -> None:
    shown: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        shown.append(request.headers["Authorization"])
        return web.json_response({}, status=200 if shown[-1] == "Bearer new" else 401)

    async def main() -> None:
        async with talking(answer, Renewable()) as client:
            await client.get(NODES, "a")
        async with talking(Recording({}, 401).respond, Renewable()) as client:
            with pytest.raises(Unauthorized):
                await client.get(NODES, "a")

    run(main())
    assert shown == ["Bearer old", "Bearer new"]


def test_reconnect_ends_watches_and_nothing_else(talking: Talking) -> None:
    release = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            await release.wait()
            return web.json_response({"a": 1})
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}\n')
        await asyncio.Event().wait()
        return stream

    async def main() -> None:
        async with talking(answer) as client:
            slow = asyncio.create_task(client.get(NODES, "a"))  # noqa: TID251
            seen = []
            async with client.watch(PODS, resource_version="1", timeout_s=300) as events:
                async for kind, _ in events:
                    seen.append(kind)
                    await client.reconnect()
            assert seen == ["BOOKMARK"]
            release.set()
            assert await slow == {"a": 1}

    run(main())


def test_a_pause_ends_when_another_try_is_worth_it(talking: Talking) -> None:
    async def main() -> None:
        async with talking(Recording().respond) as client:
            await client.pause(0)
            pausing = asyncio.ensure_future(client.pause(1e6))  # noqa: TID251
            await asyncio.sleep(0)
            assert not pausing.done()
            await client.reconnect()
            await pausing

    run(main())
