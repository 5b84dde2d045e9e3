"""`bronzewillow policy explain`, as a shell runs it, against a live agent."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from bronzewillow.agent.addresses import pack_address
from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.world import PolicyPod, World
from bronzewillow.testing.agents import POD_NAME, AgentRig, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.overlay import POD

pytestmark = pytest.mark.loopback


async def explain(rig: AgentRig, *arguments: str) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    argv = (sys.executable, "-m", "bronzewillow", "policy", "explain", "--control", str(rig.control))
    process = await asyncio.create_subprocess_exec(*argv, *arguments, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def test_allowed_denied_and_what_cannot_be_said() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            code, _, err = await explain(rig, "host", POD, "8080")
            assert (code, "no cluster is followed" in err) == (2, True)
            pod = pack_address(POD)
            deny = {"metadata": {"namespace": "default", "name": "deny"}, "spec": {"podSelector": {}}}
            world = World((PolicyPod("default", "tiny-0", {}, (pod,)),), {}, (deny,))
            rig.agent.enforce(compile_node(world, {pod: POD_NAME}, rig.agent.addresses), lambda: world)
            allowed, denied, parsed, unknown = await asyncio.gather(
                explain(rig, "host", "default/tiny-0", "8080"),
                explain(rig, "10.244.8.1", POD, "8080"),
                explain(rig, "10.244.8.1", POD, "8080", "--json", "--protocol", "udp"),
                explain(rig, "default/nobody", POD, "8080"),
            )
            assert allowed == (
                0,
                "allowed: 10.244.7.1 -> default/tiny-0 (10.244.7.10), TCP 8080\n"
                "  egress  allowed, as it is no pod\n"
                "  ingress allowed: what this node itself says and hears always passes\n",
                "",
            )
            assert (denied[0], denied[1].splitlines()[0]) == (
                1, "denied: 10.244.8.1 -> default/tiny-0 (10.244.7.10), TCP 8080",
            )  # fmt: skip
            assert "default/deny isolates the pod" in denied[1]
            assert parsed[0] == 1
            (connection,) = json.loads(parsed[1])["connections"]
            assert (connection["protocol"], connection["ingress"]["policies"]) == ("UDP", ["default/deny"])
            assert unknown[:2] == (2, "")
            assert "default/nobody: no pod of that name" in unknown[2]

    run(main())


def test_without_an_agent() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            code, _, err = await explain(rig, "--control", str(rig.folder / "none"), "host", POD, "80")
            assert (code, "no agent answers here" in err) == (2, True)

    run(main())
