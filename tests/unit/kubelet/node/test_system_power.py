from __future__ import annotations

import asyncio
import sys

import pytest

from bronzewillow.testing.aio import run
from kubelet.node import system_power
from kubelet.node.system_power import PowerMessage, SystemPower


class Node:
    """Notes what it is told, and by which thread the machine may go on."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.woken = asyncio.Event()
        self.hold: asyncio.Event | None = None

    async def say_goodbye(self) -> None:
        self.steps.append("goodbye")
        if self.hold is not None:
            await self.hold.wait()

    def welcome_back(self) -> None:
        self.steps.append("back")
        self.woken.set()

    async def hear(self, power: SystemPower, number: int) -> None:
        """As on the run loop's thread."""
        await asyncio.to_thread(power.react, number, lambda: self.steps.append("allow"))


def test_goodbye_comes_before_sleep_and_the_lease_after_it() -> None:
    async def main() -> None:
        node = Node()
        power = SystemPower(node.say_goodbye, node.welcome_back, asyncio.get_running_loop())
        await node.hear(power, PowerMessage.CAN_SLEEP.value)
        assert node.steps == ["allow"]
        await node.hear(power, PowerMessage.WILL_SLEEP.value)
        assert node.steps == ["allow", "goodbye", "allow"]
        await node.hear(power, PowerMessage.HAS_POWERED_ON.value)
        await node.woken.wait()
        assert node.steps[3:] == ["back"]
        await node.hear(power, 0xE0000320)  # will power on: nothing to be done yet
        assert len(node.steps) == 4

    run(main())


def test_a_cluster_that_does_not_answer_does_not_keep_a_machine_awake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system_power, "_HELD_UP_S", 0.05)

    async def main() -> None:
        node = Node()
        node.hold = asyncio.Event()
        power = SystemPower(node.say_goodbye, node.welcome_back, asyncio.get_running_loop())
        await node.hear(power, PowerMessage.WILL_SLEEP.value)
        assert node.steps == ["goodbye", "allow"]
        node.hold.set()

    run(main())


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac does tell")
def test_other_systems_tell_nothing() -> None:
    async def main() -> None:
        node = Node()
        assert not SystemPower(node.say_goodbye, node.welcome_back, asyncio.get_running_loop()).listen()

    run(main())
