"""One attempt, one hook: of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from bronzewillow.testing.aio import run
from kubelet.model.actions import HookKind, Probe, ProbeKind, RunHook
from kubelet.model.outcomes import Done, Failed, Outcome, Probed, ProbeResult
from kubelet.probes.attempt import attempt, run_hook
from kubelet.provider.errors import RuntimeRefusal

from ..conftest import door_double

pytestmark = pytest.mark.loopback


async def execute(container_id: str, command: Sequence[str], timeout_s: int) -> tuple[int, str]:
    if command[0] == "refused":
        raise RuntimeRefusal("not allowed", grpc.StatusCode.PERMISSION_DENIED)
    return int(command[0] == "false"), f"{container_id} {timeout_s}"


def probed(probe: dict[str, Any]) -> Outcome:
    async def main() -> Outcome:
        async with door_double("connection refused") as door:
            action = Probe("llm", "c1", ProbeKind.LIVENESS, 3, probe)
            return await attempt(door, execute, action, "10.0.0.1", {"name": "llm"})

    return run(main())


@pytest.mark.parametrize("kind", ["httpGet", "tcpSocket", "grpc"])
def test_each_kind_is_tried(kind: str) -> None:
    found = probed({kind: {"port": 80}})
    assert isinstance(found, Probed)
    assert found.result is ProbeResult.FAILURE


@pytest.mark.parametrize("kind", ["httpGet", "tcpSocket", "grpc"])
def test_what_cannot_be_tried(kind: str) -> None:
    assert probed({kind: {"port": "none"}}) == Failed("invalid port number: none")


def test_commands() -> None:
    assert probed({"exec": {"command": ["true"]}}) == Probed(ProbeResult.SUCCESS, "c1 3")
    assert probed({"exec": {"command": ["false"]}}) == Probed(ProbeResult.FAILURE, "c1 3")
    assert probed({"exec": {"command": ["refused"]}}) == Failed("not allowed")
    assert probed({}) == Failed("missing probe handler")


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        ({"sleep": {"seconds": 0}}, Done()),
        ({"exec": {"command": ["true"]}}, Done()),
        ({"exec": {"command": ["false"]}}, Failed("command 'false' exited with 1: c1 9")),
        ({"exec": {"command": ["refused"]}}, Failed("not allowed")),
        ({"httpGet": {"port": "none"}}, Failed("invalid port number: none")),
        ({"tcpSocket": {"port": 1}}, Failed("invalid handler: it has neither httpGet, sleep nor exec")),
    ],
)
def test_hooks(handler: dict[str, Any], outcome: Outcome) -> None:
    async def main() -> Outcome:
        async with door_double("connection refused") as door:
            action = RunHook("llm", "c1", HookKind.PRE_STOP, 9, handler)
            return await run_hook(door, execute, action, "10.0.0.1", {})

    assert run(main()) == outcome


def test_a_hook_that_does_not_reach_its_pod() -> None:
    async def main() -> Outcome:
        async with door_double("no route to host") as door:
            action = RunHook("llm", "c1", HookKind.POST_START, 9, {"httpGet": {"port": 80}})
            return await run_hook(door, execute, action, "10.0.0.1", {})

    found = run(main())
    assert isinstance(found, Failed)
    assert "no route to host" in found.message
