"""The server over real TLS: who gets in, what there is, and what errors look like."""

from __future__ import annotations

import asyncio
from functools import partial

import aiohttp
import pytest

from bronzewillow.kube.errors import Unreachable
from kubelet.server.recent import Recent
from runtime.api import cri_pb2 as api

from .conftest import TOKEN, Authority, Serve, container

pytestmark = pytest.mark.loopback


def test_certificates_tokens_and_nobody(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served:
            async with served.client("alice") as client, client.get("/pods") as answer:
                assert (answer.status, (await answer.json())["kind"]) == (200, "PodList")
            async with served.client(None, token=TOKEN) as client:
                async with client.get("/metrics/resource") as answer:
                    assert answer.status == 200
                async with client.get("/pods") as answer:
                    assert answer.status == 403
                    assert await answer.text() == (
                        "Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[pods proxy])\n"
                    )
            for token in ("", "another-token"):
                async with served.client(None, token=token) as client, client.get("/pods") as answer:
                    assert (answer.status, await answer.text()) == (401, "Unauthorized\n")

    asyncio.run(run())


def test_a_certificate_of_another_authority_ends_the_handshake(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, served.client("alice", authority=Authority("stranger")) as client:
            with pytest.raises(aiohttp.ClientError):
                await client.get("/pods")

    asyncio.run(run())


def test_what_cannot_be_asked_is_not_granted(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served:
            served.reviews.failure = Unreachable("the API server is away")
            async with served.client("alice") as client, client.get("/pods") as answer:
                assert (answer.status, await answer.text()) == (500, "Internal Server Error\n")

    asyncio.run(run())


def test_reviews_are_remembered(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, served.client(None, token=TOKEN) as client:
            for _ in range(5):
                async with client.get("/metrics") as answer:
                    assert answer.status == 200
            assert (served.reviews.tokens, len(served.reviews.accesses)) == (1, 1)
            assert served.reviews.accesses[0]["extra"] == {"k": ["v"]}
            assert served.reviews.accesses[0]["resourceAttributes"]["name"] == "mac-1"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/healthz", "ok"),
        ("/healthz/ping", "ok"),
        ("/healthz/syncloop/", "ok"),
        ("/configz", "KubeletConfiguration"),
        ("/runningpods/", '"uid": "u-1"'),
        ("/stats/summary", '"usedBytes": 700'),
        ("/stats/summary?only_cpu_and_memory=true", '"nodeName": "mac-1"'),
        ("/metrics/cadvisor", "machine_cpu_cores 8.0"),
        ("/metrics/probes", ""),
        ("/metrics/slis", ""),
    ],
)
def test_what_there_is(serve: Serve, path: str, words: str) -> None:
    async def run() -> None:
        async with serve() as served, served.client() as client:
            served.runtime.found = [container()]
            async with client.get(path) as answer:
                assert answer.status == 200
                assert words in await answer.text()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nothing", 404, ""),
        ("POST", "/pods", 405, ""),
        ("POST", "/checkpoint/default/llm-0/llm", 404, "checkpoints of models are not made here"),
        ("GET", "/containerLogs/default/other/llm", 404, 'pod "other" does not exist'),
        ("GET", "/containerLogs/default/llm-0/other", 404, "container other not found in pod llm-0"),
        ("GET", "/containerLogs/default/llm-0/llm?tailLines=x", 400, "tailLines: 'x' is no number"),
        (
            "GET",
            "/containerLogs/default/llm-0/llm",
            400,
            'container "llm" in pod "llm-0" is waiting to start: ContainerCreating',
        ),
        (
            "GET",
            "/containerLogs/default/llm-0/llm?previous=true",
            400,
            'previous terminated container "llm" in pod "llm-0" not found',
        ),
        ("GET", "/exec/default/llm-0/llm?output=1&command=ls", 400, "unable to upgrade"),
        ("POST", "/run/default/llm-0/llm?cmd=ls", 400, "waiting to start"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(
    serve: Serve, method: str, path: str, status: int, words: str
) -> None:
    async def run() -> None:
        async with serve() as served, served.client() as client, client.request(method, path) as answer:
            text = await answer.text()
            assert (answer.status, words in text, text.count("\n")) == (status, True, text.count("\n"))

    asyncio.run(run())


def test_a_stalled_kubelet_says_so(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, served.client() as client:
            served.liveness.problem = "nothing was decided for 6 minutes"
            async with client.get("/healthz/syncloop") as answer:
                assert (answer.status, await answer.text()) == (
                    500,
                    "sync loop: nothing was decided for 6 minutes\n",
                )

    asyncio.run(run())


def test_a_runtime_that_is_away_is_503(serve: Serve) -> None:
    async def run() -> None:
        import grpc

        from kubelet.provider.errors import RuntimeRefusal

        async def away(*_: object) -> list[api.Container]:
            raise RuntimeRefusal("connection refused", grpc.StatusCode.UNAVAILABLE)

        async with serve() as served, served.client() as client:
            served.runtime.containers = away
            async with client.get("/runningpods") as answer:
                assert (answer.status, await answer.text()) == (503, "connection refused\n")

    asyncio.run(run())


def test_many_who_measure_at_once_ask_the_runtime_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubelet.server.app.Recent", partial(Recent, holds_s=1e6))

    async def run() -> None:
        async with serve() as served, served.client() as client:
            asked, ask = [0], served.runtime.sandbox_stats

            async def counted() -> list[api.PodSandboxStats]:
                asked[0] += 1
                found: list[api.PodSandboxStats] = await ask()
                return found

            async def measure(path: str) -> int:
                async with client.get(path) as answer:
                    return int(answer.status)

            served.runtime.sandbox_stats = counted
            paths = ("/metrics/resource", "/metrics/cadvisor", "/stats/summary") * 10
            assert set(await asyncio.gather(*(measure(path) for path in paths))) == {200}
            assert asked == [1]

    asyncio.run(run())
