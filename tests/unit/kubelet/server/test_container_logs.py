"""GET /containerLogs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

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
    serve: Serve, tmp_path: Path
) -> None:
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
