"""Into the pod network, and what is said when it is not reached."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bronzewillow.host.paths import door_socket
from bronzewillow.testing.agents import running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server
from bronzewillow.testing.overlay import POD
from kubelet.probes.door import DialError, Door
from kubelet.probes.exchange import Exchange, get_request

from ..conftest import door_double

pytestmark = pytest.mark.loopback


def test_a_real_agent_lets_in() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            door = Door(door_socket(rig.control))
            exchange = Exchange()
            request = get_request(
                "/models",
                (
                    ("Host", POD),
                    ("Connection", "close"),
                ),
            )
            transport = await door.dial(exchange, POD, 8080, request)
            assert (await exchange.answer).body == b"/models"
            transport.abort()
            with pytest.raises(DialError, match=f"dial tcp {POD}:81: connect: connection refused"):
                await door.open(POD, 81)
            with pytest.raises(DialError, match="connect: no route to host"):
                await door.open("10.244.7.99", 80)

    run(main())


async def leave(wire: Wire) -> None:
    """Without a word."""


def test_without_an_agent(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(DialError, match="the network's agent does not answer at"):
            await Door(tmp_path / "none").open("10.0.0.1", 80)

    run(main())


def test_an_agent_that_goes_away() -> None:
    async def main() -> None:
        async with door_double() as door:
            path = door.path.with_name("other")
            async with unix_server(str(path), leave):
                with pytest.raises(DialError, match="the network's agent went away"):
                    await Door(path).open("10.0.0.1", 80)

    run(main())


def test_who_gives_up_leaves_nothing() -> None:
    async def main() -> None:
        async with door_double() as door:
            path = door.path.with_name("other")
            gone = asyncio.Event()

            async def listen(wire: Wire) -> None:
                await wire.rest()
                gone.set()

            async with unix_server(str(path), listen):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await Door(path).open("10.0.0.1", 80)
                await gone.wait()

    run(main())
