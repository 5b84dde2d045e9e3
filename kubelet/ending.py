"""How `llm-kubelet run` ends: who only restarts it finds its pods as they were; with the machine they end."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Protocol

from bronzewillow.host.tasks import race, together
from kubelet.pods.node_shutdown import ShutdownGrace

_log = logging.getLogger(__name__)


class Notice(Protocol):
    """What `ShutdownNotice` does, for tests to do otherwise."""

    def is_shutting_down(self) -> bool:
        """Whether the machine is going down now. May block."""


class Node(Protocol):
    """The part of `NodeAgent` that is needed."""

    async def say_goodbye(self, why: str, *, for_good: bool = False) -> None:
        """Tell the cluster that the node is NotReady, and why."""


class Pods(Protocol):
    """The part of `PodShell` that is needed."""

    async def shut_down(self, grace: ShutdownGrace) -> None:
        """Take none any more, and end all."""


class Stop:
    """What SIGTERM and SIGINT ask for: an end, and, once more, no waiting for it. Made on the loop."""

    def __init__(self) -> None:
        self.asked, self.urged = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.on_signal)

    def on_signal(self) -> None:
        """Take a signal: the first asks to end, a second to hurry."""
        (self.urged if self.asked.is_set() else self.asked).set()


async def until_the_end(stop: Stop, notice: Notice, grace: ShutdownGrace, node: Node, pods: Pods) -> None:
    """Until this process may end; everything else goes on so long."""
    await stop.asked.wait()
    if not await asyncio.to_thread(notice.is_shutting_down):
        return
    _log.info("the machine goes down: pods have %d s; a second signal ends this at once", grace.whole_s)
    await race(stop.urged.wait(), _go_down(grace, node, pods))


async def _go_down(grace: ShutdownGrace, node: Node, pods: Pods) -> None:
    """The cluster is told while pods end: neither has the time to wait for the other."""
    await together(node.say_goodbye("node is shutting down", for_good=True), pods.shut_down(grace))
