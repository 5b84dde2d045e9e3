"""How the commands ask the agent: its control socket, and what is told when nobody answers there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import click

from bronzewillow.host.command import CommandError
from bronzewillow.host.options import FilePath
from bronzewillow.host.paths import control_socket

_ANSWER_LIMIT_S = 30.0  # of policies of many pods, too

control_option = click.option(
    "--control",
    type=FilePath(),
    default=control_socket,
    show_default="in the user's runtime folder",
    help="The agent's control socket.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@asynccontextmanager
async def ask(control: Path, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """What the agent answers, as it comes. CommandError when none does, or when it refuses."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(str(control)), timeout=timeout
    ) as session:
        try:
            response = await session.get(f"http://agent{path}")
        except (aiohttp.ClientConnectorError, OSError, ValueError):
            raise CommandError(
                f"{control}: no agent answers here: bronzewillow up starts a node, "
                "--control names that of another"
            ) from None
        async with response:
            if response.status != 200:
                raise CommandError(f"{control}: {(await response.text()).strip()}")
            yield response


async def get_json(control: Path, path: str) -> Any:
    """What the agent answers. CommandError when none does, or not in time."""
    try:
        async with asyncio.timeout(_ANSWER_LIMIT_S), ask(control, path) as response:
            return await response.json()
    except TimeoutError:
        raise CommandError(
            f"{control}: the agent has not answered for {_ANSWER_LIMIT_S:g} s; is it stopped, or very busy?"
        ) from None
