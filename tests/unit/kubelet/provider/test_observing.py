"""What the runtime says, as the model takes it."""

from __future__ import annotations

import asyncio
import gc
import warnings
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from kubelet.model.observed import ContainerState
from kubelet.provider.client import RuntimeClient
from kubelet.provider.container_config import Resolved, container_config
from kubelet.provider.labels import HASH
from kubelet.provider.observing import observe, observed_container, observed_sandbox
from kubelet.provider.sandbox_config import sandbox_config
from runtime.api import cri_pb2 as api

from ..conftest import pod, runtime_double

pytestmark = pytest.mark.loopback
LOGS = Path("/logs")


def test_one_pod_with_all_of_its_parts() -> None:
    async def main() -> None:
        async with runtime_double() as (double, client):
            mine = pod()
            sandbox = sandbox_config(mine, 0, LOGS)
            sandbox_id = await client.run_sandbox(sandbox, "")
            await client.run_sandbox(sandbox_config(pod(uid="u2"), 0, LOGS), "")
            config = container_config(
                mine, mine["spec"]["containers"][0], Resolved(), attempt=3, image="tiny:v1",
                image_ref="sha256:1", spec_hash="abc",
            )  # fmt: skip
            container = await client.create_container(sandbox_id, config, sandbox)
            await client.start_container(container)
            double.exit(container, 2, "no memory")
            seen = await observe(client, "u1", 77, lambda status: status.message.upper())
            assert seen.as_of == 77
            (one,) = seen.sandboxes
            assert (one.id, one.is_ready, one.ips) == (sandbox_id, True, ("127.0.0.1",))
            (found,) = seen.containers
            assert (found.name, found.attempt, found.state) == ("llm", 3, ContainerState.EXITED)
            assert (found.exit_code, found.message, found.spec_hash) == (2, "NO MEMORY", "abc")
            assert (found.image, found.image_ref, found.sandbox_id) == ("tiny:v1", "sha256:1", sandbox_id)

    run(main())


def test_an_address_counts_while_the_sandbox_is_ready() -> None:
    network = api.PodSandboxNetworkStatus(ip="10.0.0.1", additional_ips=[api.PodIP(ip="fd00::1")])
    status = api.PodSandboxStatus(id="s", network=network)
    assert observed_sandbox(status).ips == ("10.0.0.1", "fd00::1")
    status.state = api.PodSandboxState.SANDBOX_NOTREADY
    assert observed_sandbox(status).ips == ()


@pytest.mark.parametrize("number", list(api.ContainerState.values()))
def test_every_state_has_a_word(number: int) -> None:
    name = api.ContainerState.Name(number)
    found = observed_container(api.ContainerStatus(state=name, annotations={HASH: "h"}), "s")
    assert found.state.value == name.removeprefix("CONTAINER_").lower()


def test_a_message_is_of_an_end() -> None:
    assert observed_container(api.ContainerStatus(state="CONTAINER_RUNNING", message="m"), "s").message == ""


class _AtOnce:
    """A client of which each answer is there at the first step."""

    async def sandboxes(self, uid: str) -> list[api.PodSandbox]:
        return [api.PodSandbox(id=f"{uid}-{number}") for number in range(3)]

    async def containers(self, uid: str) -> list[api.Container]:
        return []

    async def sandbox_status(self, sandbox_id: str) -> api.PodSandboxStatus:
        return api.PodSandboxStatus(id=sandbox_id)


@pytest.mark.parametrize("steps", range(1, 8))
def test_being_cancelled_at_any_step_leaves_no_question_unasked(steps: int) -> None:
    async def main() -> None:
        task = spawn(observe(cast(RuntimeClient, _AtOnce()), "u1", 0), name="observing")
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a coroutine that was never awaited
        run(main())
        gc.collect()
