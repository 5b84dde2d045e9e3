"""The agent of tests serves its pod."""

from __future__ import annotations

import pytest

from bronzewillow.testing.agents import running_agent
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback


def test_its_pod_answers() -> None:
    async def main() -> tuple[int, str]:
        async with running_agent() as rig:
            return await rig.get("/hello")

    assert run(main()) == (200, "/hello")
