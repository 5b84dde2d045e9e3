from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.agent.asking import get_json
from bronzewillow.agent.report import status_lines
from bronzewillow.agent.waiting import WaitingRoom
from bronzewillow.host.command import CommandError
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import unix_socket_path

pytestmark = pytest.mark.loopback
CLUSTER = {
    "cni": "calico",
    "waiting_for": [],
    "refusals": ["Calico gives no podCIDRs; give it a range with --pod-pool"],
    "warnings": [],
    "missing_rights": ["may not list nodes"],
    "trouble": "",
}


def test_status_says_what_is_missing() -> None:
    async def main() -> None:
        async with unix_socket_path() as path:
            waiting = WaitingRoom(lambda: CLUSTER)
            await waiting.open(Path(path))
            assert status_lines(await get_json(Path(path), "/status")) == [
                "cluster  calico",
                "this node cannot join: Calico gives no podCIDRs; give it a range with --pod-pool",
                "this node's account may not list nodes",
            ]
            with pytest.raises(CommandError, match="the agent waits for its cluster; `bronzewillow status`"):
                await get_json(Path(path), "/flows")
            await waiting.close()
            with pytest.raises(CommandError, match="no agent answers here"):
                await get_json(Path(path), "/status")

    run(main())
