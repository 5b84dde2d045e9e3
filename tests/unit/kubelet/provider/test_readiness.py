"""What keeps a node from being Ready, in a kubelet's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from bronzewillow.testing.aio import run
from kubelet.model.node_facts import Runtime
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
            first = readiness.runtime(0)
            assert first.problem == "container runtime status check may not have completed yet"
            assert first.lifecycle_problem == "PLEG is not healthy: pleg has yet to be successful"
            assert readiness.asked_at is None
            await readiness.ask(7)
            await lifecycle.relist()
            assert readiness.runtime(MINUTE) == Runtime("runm", "1", problem="")
            assert readiness.asked_at == 7
            assert readiness.name == "runm"

    run(main())


def test_a_network_that_is_away_and_a_condition_that_is_not_told() -> None:
    async def main() -> None:
        async with rigged(Lame()) as (_, readiness, _lifecycle):
            await readiness.ask(0)
            found = readiness.runtime(0)
            assert found.problem == "container runtime not ready: condition RuntimeReady is not set"
            assert found.network_problem == readiness.network_problem
            assert found.network_problem == (
                "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
                "message:no agent"
            )

    run(main())


def test_a_runtime_that_goes_away_keeps_its_name() -> None:
    async def main() -> None:
        async with rigged() as (double, readiness, _):
            await readiness.ask(0)
            double.refusals["Status"] = (grpc.StatusCode.UNAVAILABLE, "socket closed")
            await readiness.ask(1)
            assert readiness.runtime(1).problem == "container runtime is down"
            assert (readiness.name, readiness.asked_at) == ("runm", 1)
            del double.refusals["Status"]
            await readiness.ask(2)
            assert not readiness.runtime(2).problem

    run(main())


def test_lists_that_do_not_come() -> None:
    async def main() -> None:
        async with rigged() as (_, readiness, lifecycle):
            await lifecycle.relist()
            assert readiness.runtime(3 * MINUTE).lifecycle_problem == ""
            assert readiness.runtime(4 * MINUTE).lifecycle_problem == (
                "PLEG is not healthy: pleg was last seen active 4m0s ago; threshold is 3m0s"
            )
            lifecycle.hears = True
            assert readiness.runtime(9 * MINUTE).lifecycle_problem == ""

    run(main())
