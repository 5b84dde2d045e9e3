"""When a pod is looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.labels import POD_NAME, POD_NAMESPACE, POD_UID, PodKey
from kubelet.provider.lifecycle import Lifecycle, LifecycleConfig
from runtime.api import cri_pb2 as api

from ..conftest import runtime_double

pytestmark = pytest.mark.loopback
KEY = PodKey("1", "a", "n")


def sandbox() -> api.PodSandboxConfig:
    return api.PodSandboxConfig(labels={POD_UID: "1", POD_NAME: "a", POD_NAMESPACE: "n"})


@asynccontextmanager
async def running(client: RuntimeClient, told: list[PodKey], **config: float) -> AsyncIterator[Lifecycle]:
    lifecycle = Lifecycle(client, told.append, lambda: 7, LifecycleConfig(**config))
    task = spawn(lifecycle.run(), name="lifecycle")
    try:
        yield lifecycle
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_a_list_tells_what_differs_from_the_last() -> None:
    async def main() -> None:
        async with runtime_double() as (double, client):
            told: list[PodKey] = []
            lists: list[int] = []
            lifecycle = Lifecycle(client, told.append, lambda: 7, listed=lambda: lists.append(1))
            await lifecycle.relist()
            assert lists == [1]
            assert (told, lifecycle.listed_at, lifecycle.error) == ([], 7, "")
            await client.run_sandbox(sandbox(), "")
            await lifecycle.relist()
            await lifecycle.relist()
            assert told == [KEY]
            assert lifecycle.pods == [KEY]
            double.sandboxes.clear()
            await lifecycle.relist()
            assert told == [KEY, KEY]
            assert lifecycle.pods == []

    run(main())


def test_with_events_nothing_is_listed_again_and_again() -> None:
    async def main() -> None:
        async with runtime_double() as (_, client):
            told: list[PodKey] = []
            async with running(client, told, relist_s=0.01) as lifecycle:
                await until(lambda: lifecycle.hears and lifecycle.listed_at is not None)
                await client.run_sandbox(sandbox(), "")
                await until(lambda: KEY in told)

    run(main())


def test_what_goes_without_a_name_is_found_by_a_list() -> None:
    async def main() -> None:
        async with runtime_double() as (_, client):
            pod = await client.run_sandbox(sandbox(), "")
            told: list[PodKey] = []
            async with running(client, told) as lifecycle:
                await until(lambda: lifecycle.hears and lifecycle.pods == [KEY])
                told.clear()
                await client.remove_sandbox(pod)
                await until(lambda: told == [KEY])
                assert lifecycle.pods == []

    run(main())


def test_without_events_it_is_listed_each_time() -> None:
    async def main() -> None:
        async with runtime_double() as (double, client):
            double.has_events = False
            told: list[PodKey] = []
            async with running(client, told, relist_s=0.001) as lifecycle:
                await until(lambda: lifecycle.listed_at is not None)
                await client.run_sandbox(sandbox(), "")
                await until(lambda: KEY in told)

    run(main())


def test_a_runtime_that_is_away_is_waited_for() -> None:
    async def main() -> None:
        async with runtime_double() as (double, client):
            double.refusals["ListPodSandbox"] = (grpc.StatusCode.UNAVAILABLE, "away")
            told: list[PodKey] = []
            with pytest.raises(RuntimeRefusal, match="away"):
                await Lifecycle(client, told.append, lambda: 7).relist()
            async with running(client, told, relist_s=0.001) as lifecycle:
                await until(lambda: lifecycle.error == "away")
                assert lifecycle.listed_at is None
                del double.refusals["ListPodSandbox"]
                await until(lambda: not lifecycle.error)

    run(main())
