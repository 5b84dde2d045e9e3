"""A node with a real model: what dies comes back, whatever dies the model goes on, the end leaves nothing."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.host.children import send_signal
from bronzewillow.host.paths import door_socket
from bronzewillow.supervise.forward import Way, forward
from bronzewillow.testing.aio import run
from bronzewillow.testing.up_processes import Place, Up, node_place
from runtime.models.smollm2 import FILE_NAME, default_folder

pytestmark = pytest.mark.e2e
TOKENS = 150
_log = logging.getLogger(__name__)
PROGRAMS = {"agent": "agent", "llm-containerd": "llm-containerd", "static-pods": "llm-static-pods"}


@pytest.fixture
def place() -> Iterator[Place]:
    if not (default_folder() / FILE_NAME).is_file():
        pytest.skip("no model: run python -m runtime.models.smollm2")
    with node_place() as place:
        place.write("smol", "smol", "--context, '512', --threads, '1'")
        yield place


def model(place: Place) -> int:
    """Its process."""
    (found,) = [pid for pid, words in place.commands().items() if words[:1] == ["runm"]]
    return found


def socket_of(place: Place) -> Path:
    (found,) = (place.run / "p").glob("*/8080.sock")
    return found


async def ask(place: Place, tokens: int = TOKENS, begun: asyncio.Event | None = None) -> int:
    """The tokens of one streamed answer, on the pod's socket. aiohttp.ClientError when it breaks off.

    `begun` is set when the first is there.
    """
    body = {
        "model": "smol", "prompt": "Once upon a time", "max_tokens": tokens, "stream": True,
        "ignore_eos": True,
    }  # fmt: skip
    connector = aiohttp.UnixConnector(str(socket_of(place)))
    events, is_done = 0, False
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://pod/v1/completions", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
        async for line in answer.content:
            is_done = is_done or line == b"data: [DONE]\n"
            events += line.startswith(b"data: {") and b'"finish_reason":null' in line.replace(b" ", b"")
            if events and begun is not None:
                begun.set()
    assert is_done
    return events


async def an_answer_begins(place: Place) -> asyncio.Task[int]:
    """One that goes on for a while."""
    begun = asyncio.Event()
    answering = asyncio.create_task(ask(place, begun=begun))
    answering.add_done_callback(lambda _: begun.set())
    await begun.wait()
    assert not answering.done(), answering.exception() or "the answer is to be longer than this"
    return answering


async def until_serving(place: Place, up: Up) -> None:
    await up.until("container llm is started")
    while True:
        try:
            assert await ask(place, 1) == 1
            return
        except (ValueError, AssertionError, aiohttp.ClientError):
            await asyncio.sleep(0.1)


@asynccontextmanager
async def pod_address(place: Place) -> AsyncIterator[str]:
    """A URL that leads through the agent to the pod's own address."""

    async def find() -> str:
        return "10.244.7.2"

    server = await forward(Way(door_socket(place.run / "agent.sock"), find, 8080), 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def until_healthy(url: str) -> None:
    while True:
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
                session.get(f"{url}/health") as answer,
            ):
                if answer.status == 200:
                    return
        except (aiohttp.ClientError, OSError):
            pass
        await asyncio.sleep(0.02)


async def until_still(place: Place, processes: int) -> None:
    """Only so many live on. A shim that was found again is nobody's child, whose very end is waited for."""
    while len(place.processes()) != processes:  # noqa: ASYNC110 - only the system knows
        await asyncio.sleep(0.02)


def test_what_dies_comes_back_and_the_model_goes_on(place: Place) -> None:
    took: dict[str, float] = {}

    async def comes_back(up: Up, *names: str) -> None:
        """All of these, killed at once."""
        counts = {name: up.log.count(f"| {name} is ready") for name in names}
        answering = await an_answer_begins(place)
        begun = time.monotonic()
        for one in [place.daemon(PROGRAMS[name]) for name in names]:
            one.send_signal(signal.SIGKILL)
        for name, count in counts.items():
            await up.until(f"| {name} is ready", count + 1)
        if "agent" in names:
            async with pod_address(place) as url:
                await until_healthy(url)
        took[", ".join(names)] = round(time.monotonic() - begun, 2)
        assert await answering == TOKENS

    async def main() -> None:
        await place.program("runtime.runm", "create", "smol", "--model", str(default_folder() / FILE_NAME))
        async with place.up() as up:
            await up.until("\nready\n")
            await until_serving(place, up)
            pid = model(place)
            for name in PROGRAMS:
                await comes_back(up, name)
                assert model(place) == pid

            # the program itself, while an answer is being given: nothing of the node goes with it
            answering = await an_answer_begins(place)
            send_signal(up.process, signal.SIGKILL)
            await up.process.wait()
            async with pod_address(place) as url:
                await until_healthy(url)
        async with place.up() as up:
            await up.until("\nready\n")
            assert up.log.count("has made way") == 3
            assert await answering == TOKENS
            assert model(place) == pid

            await up.end(signal.SIGINT)
            assert up.process.returncode == 0
            assert "Traceback" not in up.log
            assert up.log.count("it is started again") == 0
        await until_still(place, 0)

    run(main(), 600)
    _log.info("seconds until it was back: %s", took)
    assert list(place.run.iterdir()) == []
    assert [path.name for path in (place.state / "leases").glob("*.json")] == []
    for name in ("sandboxes", "containers", "networks"):
        assert list((place.state / "cri" / name).iterdir()) == []


def test_pods_that_are_kept(place: Place) -> None:
    async def main() -> None:
        await place.program("runtime.runm", "create", "smol", "--model", str(default_folder() / FILE_NAME))
        async with place.up("--keep-pods") as up:
            await up.until("\nready\n")
            await until_serving(place, up)
            pid = model(place)
            assert await up.end() == 0
        assert await ask(place, 3) == 3  # on its socket
        await until_still(place, 2)  # the shim and the model
        async with place.up() as up:
            await up.until("\nready\n")
            async with pod_address(place) as url:
                await until_healthy(url)
            assert model(place) == pid
            assert await up.end() == 0
        await until_still(place, 0)

    run(main(), 600)
