from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web

from bronzewillow.kube.backoff import BackoffConfig
from bronzewillow.kube.cache import Change
from bronzewillow.kube.client import KubeClient, Selection
from bronzewillow.kube.listwatch import ListWatchConfig
from bronzewillow.kube.reflector import Reflector
from bronzewillow.kube.resources import PODS, Object
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback

Talking = Callable[..., AbstractAsyncContextManager[KubeClient]]
Script = list[tuple[int, list[bytes]]]
QUICK = ListWatchConfig(page_items=2, silence_s=60, backoff=BackoffConfig(first_s=0.001, longest_s=0.002))


def pod(name: str, version: str = "1") -> Object:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": version}}


def page(version: str, *names: str, token: str = "") -> bytes:
    metadata = {"resourceVersion": version, "continue": token}
    return json.dumps({"metadata": metadata, "items": [pod(name) for name in names]}).encode()


def event(kind: str, obj: Object) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


EXPIRED = event("ERROR", {"code": 410, "reason": "Expired", "message": "too old"})


class Follower:
    """Plays the script's answers one after another, then hangs; keeps what was asked and told."""

    def __init__(self, *script: tuple[int, bytes]) -> None:
        self.script = [*script]
        self.asked: list[str] = []
        self.told: list[list[tuple[str, str]]] = []
        self.played = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        self.asked.append(
            f"watch {query['resourceVersion']}" if "watch" in query else f"list {query.get('continue', '')}"
        )
        if not self.script:
            self.played.set()
            await asyncio.Event().wait()
        status, body = self.script.pop(0)
        return web.Response(status=status, body=body)

    def sink(self, changes: list[Change]) -> None:
        self.told.append([(change.type.value, change.object["metadata"]["name"]) for change in changes])


@asynccontextmanager
async def following(client: KubeClient, follower: Follower) -> AsyncIterator[Reflector]:
    reflector = Reflector(client, PODS, follower.sink, Selection("d"), config=QUICK, rng=lambda: 0.0)
    task = asyncio.create_task(reflector.run())  # noqa: TID251
    try:
        yield reflector
    finally:
        task.cancel()
        await asyncio.wait([task])


def follow(talking: Talking, *script: tuple[int, bytes]) -> Follower:
    async def main() -> Follower:
        follower = Follower(*script)
        async with talking(follower.answer) as client, following(client, follower):
            await follower.played.wait()
        return follower

    return run(main())


def test_a_whole_list_is_told_step_by_step(talking: Talking) -> None:
    """And others on the loop have their turn between."""

    async def main() -> None:
        follower = Follower((200, page("9", *"abcde")), (200, b""))
        synced: list[bool] = []

        def sink(changes: list[Change]) -> None:
            follower.sink(changes)
            synced.append(reflector.is_synced)

        async with talking(follower.answer) as client:
            config = ListWatchConfig(step_changes=2)
            reflector = Reflector(client, PODS, sink, Selection("d"), config=config, rng=lambda: 0.0)
            task = asyncio.create_task(reflector.run())  # noqa: TID251
            await reflector.synced()
            assert [len(changes) for changes in follower.told] == [2, 2, 1]
            assert synced == [False, False, True]
            task.cancel()
            await asyncio.wait([task])

    run(main())


def test_pages_then_events(talking: Talking) -> None:
    found = follow(
        talking,
        (200, page("9", "a", "b", token="t")),
        (200, page("9", "c")),
        (200, event("MODIFIED", pod("a", "11")) + event("DELETED", pod("b", "12"))),
    )
    assert found.asked == ["list ", "list t", "watch 9", "watch 12"]
    assert found.told == [
        [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")],
        [("MODIFIED", "a")],
        [("DELETED", "b")],
    ]


@pytest.mark.parametrize("refusal", [(410, b"{}"), (200, EXPIRED)])
def test_both_forms_of_410_mean_a_new_list(talking: Talking, refusal: tuple[int, bytes]) -> None:
    found = follow(talking, (200, page("9", "a")), refusal, (200, page("20", "b")))
    assert found.asked == ["list ", "watch 9", "list ", "watch 20"]
    assert found.told == [[("ADDED", "a")], [("DELETED", "a"), ("ADDED", "b")]]


def test_failures_are_waited_out(talking: Talking) -> None:
    found = follow(
        talking,
        (503, b"{}"),
        (200, b"nonsense"),
        (200, page("9")),
        (429, b"{}"),
        (200, event("ADDED", pod("a", "10"))),
    )
    assert found.asked == ["list ", "list ", "list ", "watch 9", "watch 9", "watch 10"]
    assert found.told == [[], [("ADDED", "a")]]


def test_why_the_copy_may_be_old(talking: Talking, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        follower = Follower((200, page("9")), (500, b'{"message": "etcd is away"}'))
        async with talking(follower.answer) as client, following(client, follower) as reflector:
            assert not reflector.is_synced
            await reflector.synced()
            assert reflector.is_synced
            await follower.played.wait()
            assert str(reflector.last_error) == "etcd is away"
            assert len(reflector.cache) == 0

    run(main())
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "pods: etcd is away"
    ]


def test_a_sink_that_fails_ends_it(talking: Talking) -> None:
    def sink(changes: list[Change]) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        follower = Follower((200, page("9")))
        async with talking(follower.answer) as client:
            with pytest.raises(ZeroDivisionError):
                await Reflector(client, PODS, sink).run()

    run(main())
