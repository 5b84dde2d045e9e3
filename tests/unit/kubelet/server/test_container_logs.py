"""GET /containerLogs."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from bronzewillow.testing.loopback import until
from runtime.api import cri_pb2 as api

from .conftest import Serve, container

pytestmark = pytest.mark.loopback


def line(text: str) -> str:
    return f"2026-01-01T00:00:00.000000000Z stdout F {text}\n"


def test_a_log_and_its_tail(serve: Serve, tmp_path: Path) -> None:
    async def run() -> None:
        async with serve() as served, served.client() as client:
            log = tmp_path / "0.log"
            log.write_text(line("one") + line("two"))
            served.runtime.found, served.runtime.logs = (
                [container(state=api.CONTAINER_EXITED)],
                {"c-1": str(log)},
            )
            for query, text in (("", "one\ntwo\n"), ("?tailLines=1", "two\n"), ("?limitBytes=2", "on")):
                async with client.get(f"/containerLogs/default/llm-0/llm{query}") as answer:
                    assert (answer.status, await answer.text()) == (200, text)

    asyncio.run(run())


def test_a_follower_is_answered_before_there_is_anything_and_until_the_end(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubelet.server.log_reading._ASK_S", 0)

    async def run() -> None:
        async with serve() as served, served.client() as client:
            log = tmp_path / "0.log"
            log.write_text("")
            served.runtime.found, served.runtime.logs = [container()], {"c-1": str(log)}
            async with client.get("/containerLogs/default/llm-0/llm?follow=true") as answer:
                assert answer.status == 200
                log.write_text(line("hello"))
                assert await answer.content.readexactly(6) == b"hello\n"
                served.runtime.found = [container(state=api.CONTAINER_EXITED)]
                assert await answer.content.read() == b""

    asyncio.run(run())


def test_a_container_without_a_log(serve: Serve) -> None:
    async def run() -> None:
        async with serve() as served, served.client() as client:
            served.runtime.found = [container()]
            async with client.get("/containerLogs/default/llm-0/llm") as answer:
                assert (answer.status, await answer.text()) == (404, 'container "llm" has no log: none\n')

    asyncio.run(run())


def test_a_follower_who_has_left_is_not_followed(serve: Serve, tmp_path: Path) -> None:
    async def run() -> None:
        async with serve() as served:
            log = tmp_path / "0.log"
            log.write_text(line("hello"))
            served.runtime.found, served.runtime.logs = [container()], {"c-1": str(log)}
            async with (
                served.client() as client,
                client.get("/containerLogs/default/llm-0/llm?follow=true") as answer,
            ):
                assert await answer.content.readexactly(6) == b"hello\n"
                assert served.server.connections == 1
            await until(lambda: served.server.connections == 0)

    asyncio.run(run())


def test_who_does_not_read_is_not_read_for(serve: Serve, tmp_path: Path) -> None:
    async def run() -> None:
        async with serve() as served:
            log = tmp_path / "0.log"
            log.write_text(line("x" * 4000) * 5000)
            served.runtime.found, served.runtime.logs = [container()], {"c-1": str(log)}
            async with (
                served.client() as client,
                client.get("/containerLogs/default/llm-0/llm?follow=true") as stuck,
            ):
                assert stuck.status == 200
                async with client.get("/healthz") as other:
                    assert await other.text() == "ok"
                tracemalloc.start()
                for _ in range(3):
                    async with client.get("/healthz") as other:
                        assert await other.text() == "ok"
                assert tracemalloc.get_traced_memory()[1] < 4 << 20
                tracemalloc.stop()

    asyncio.run(run())
