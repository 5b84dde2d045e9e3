from __future__ import annotations

import asyncio

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.ending import Stop, until_the_end
from kubelet.pods.node_shutdown import ShutdownGrace


class Rig:
    """A node with pods that end when `ended` is set."""

    def __init__(self, *, goes_down: bool) -> None:
        self.goes_down, self.steps = goes_down, list[str]()
        self.ended = asyncio.Event()
        self.stop = Stop()

    def is_shutting_down(self) -> bool:
        return self.goes_down

    async def say_goodbye(self, why: str, *, for_good: bool = False) -> None:
        self.steps.append(f"{why} {for_good}")

    async def shut_down(self, grace: ShutdownGrace) -> None:
        self.steps.append(f"{grace.whole_s}, {grace.critical_s} s")
        await self.ended.wait()

    def begin(self) -> asyncio.Task[None]:
        return spawn(until_the_end(self.stop, self, ShutdownGrace(9, 4), self, self), name="end")


def test_a_restart_says_nothing_and_ends_no_pod() -> None:
    async def main() -> None:
        rig = Rig(goes_down=False)
        task = rig.begin()
        rig.stop.on_signal()
        await task
        assert rig.steps == []

    run(main())


def test_with_the_machine_pods_end_and_the_node_is_not_ready() -> None:
    async def main() -> None:
        rig = Rig(goes_down=True)
        task = rig.begin()
        rig.stop.on_signal()
        await until(lambda: len(rig.steps) == 2)
        assert sorted(rig.steps) == ["9, 4 s", "node is shutting down True"]
        assert not task.done()
        rig.ended.set()
        await task

    run(main())


def test_a_second_signal_waits_for_nobody() -> None:
    async def main() -> None:
        rig = Rig(goes_down=True)
        task = rig.begin()
        rig.stop.on_signal()
        await until(lambda: len(rig.steps) == 2)
        rig.stop.on_signal()
        await task

    run(main())
