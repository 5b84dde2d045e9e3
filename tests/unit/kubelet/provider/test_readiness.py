"""What keeps a node from being Ready, in a kubelet's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from bronzewillow.testing.aio import run
from kubelet.provider.lifecycle import Lifecycle
from kubelet.provider.readiness import Readiness
from runtime.api import cri_pb2 as api

from ..conftest import CriDouble, runtime_double

pytestmark = pytest.mark.loopback
MINUTE = 60_000_000


class Lame(CriDouble):
    """Whose network is down."""

    async def Status(self, request: Any, context: Any) -> Any:
        network = api.RuntimeCondition(
            type="NetworkReady", reason="NetworkPluginNotReady", message="no agent"
        )
        return api.StatusResponse(status=api.RuntimeStatus(conditions=[network]))


@asynccontextmanager
async def rigged(double: CriDouble | None = None) -> AsyncIterator[tuple[CriDouble, Readiness, Lifecycle]]:
    async with runtime_double(double) as (found, client):
        lifecycle = Lifecycle(client, lambda _: None, lambda: 0)
        yield found, Readiness(client, lifecycle), lifecycle


def test_all_is_well() -> None:
    async def main() -> None:
        async with rigged() as (_, readiness, lifecycle):
            assert len(readiness.errors(0)) == 2  # nothing is known yet
            await readiness.ask()
            await lifecycle.relist()
            assert readiness.errors(MINUTE) == []
            assert readiness.version == "runm://1"

    run(main())


def test_a_network_that_is_away_and_a_condition_that_is_not_told() -> None:
    async def main() -> None:
        async with rigged(Lame()) as (_, readiness, lifecycle):
            await readiness.ask()
            await lifecycle.relist()
            assert readiness.errors(0) == [
                "container runtime not ready: RuntimeReady is not told of",
                "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
                "message:no agent",
            ]

    run(main())


def test_a_runtime_that_is_down() -> None:
    async def main() -> None:
        async with rigged() as (double, readiness, _):
            double.refusals["Status"] = (grpc.StatusCode.UNAVAILABLE, "socket closed")
            await readiness.ask()
            assert readiness.runtime_error == "container runtime is down: socket closed"
            del double.refusals["Status"]
            await readiness.ask()
            assert readiness.runtime_error == ""

    run(main())


def test_lists_that_do_not_come() -> None:
    async def main() -> None:
        async with rigged() as (_, readiness, lifecycle):
            await readiness.ask()
            await lifecycle.relist()
            assert readiness.errors(3 * MINUTE) == []
            (error,) = readiness.errors(4 * MINUTE)
            assert error == "PLEG is not healthy: pleg was last seen active 4m0s ago; threshold is 3m0s"
            lifecycle.hears = True
            assert readiness.errors(9 * MINUTE) == []

    run(main())
