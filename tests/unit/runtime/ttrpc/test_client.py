from __future__ import annotations

import asyncio

import pytest
from google.protobuf.empty_pb2 import Empty

from bronzewillow.testing.aio import run
from runtime.api.task_pb2 import StateRequest, StateResponse
from runtime.ttrpc.client import Client
from runtime.ttrpc.errors import Code, RpcError

from .conftest import Serve

pytestmark = pytest.mark.loopback


async def ask(client: Client, text: str, limit_s: float | None = None) -> str:
    return (await client.call("a.Names", "Ask", StateRequest(id=text), StateResponse, limit_s)).id


def test_calls_side_by_side(serve: Serve) -> None:
    async def main() -> None:
        async with serve() as (client, _, _):
            slow = asyncio.ensure_future(ask(client, "slow"))  # noqa: TID251
            assert await asyncio.gather(*(ask(client, str(n)) for n in range(50))) == [
                str(n) * 2 for n in range(50)
            ]
            assert await client.call("a.Names", "Nothing", Empty(), Empty) == Empty()
            slow.cancel()

    run(main())


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [("missing", Code.NOT_FOUND, "not here"), ("broken", Code.INTERNAL, "KeyError: 'x'")],
)
def test_errors_come_with_their_code(serve: Serve, text: str, code: Code, words: str) -> None:
    async def main() -> None:
        async with serve() as (client, _, _):
            with pytest.raises(RpcError, match=words) as raised:
                await ask(client, text)
            assert raised.value.code == code
            with pytest.raises(RpcError) as raised:
                await client.call("a.Names", "Dance", Empty(), Empty)
            assert raised.value.code == Code.UNIMPLEMENTED

    run(main())


def test_limits_and_lost_connections(serve: Serve) -> None:
    async def main() -> None:
        async with serve() as (client, _, _):
            with pytest.raises(RpcError) as raised:
                await ask(client, "slow", 0.05)
            assert raised.value.code == Code.DEADLINE_EXCEEDED
            waiting = asyncio.ensure_future(ask(client, "slow"))  # noqa: TID251
            await asyncio.sleep(0)
            client.close()
            with pytest.raises(RpcError) as raised:
                await waiting
            assert raised.value.code == Code.UNAVAILABLE
            with pytest.raises(RpcError, match="closed"):
                await ask(client, "a")
            await client.closed

    run(main())
