"""When a pod should be looked at again: events of the runtime, and a list of everything now and then.

Without a stream of events the list is asked for every second, with one every five minutes:
kubernetes/kubernetes, pkg/kubelet/pleg. What an event says is never believed; it only tells whose pod to
ask about.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bronzewillow.host.tasks import together
from kubelet.model.times import SECOND
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.labels import PodKey, pod_key
from kubelet.provider.metrics import RuntimeMetrics

Changed = Callable[[PodKey], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LifecycleConfig:
    """The kubelet's own."""

    relist_s: float = 1.0
    """Between lists, while there is no stream of events."""
    relist_with_events_s: float = 300.0
    """Between lists, while there is one."""


class Lifecycle:
    """Of all pods of one runtime."""

    def __init__(
        self,
        client: RuntimeClient,
        changed: Changed,
        now: Callable[[], int],
        config: LifecycleConfig | None = None,
        *,
        listed: Callable[[], None] = lambda: None,
        metrics: RuntimeMetrics | None = None,
    ) -> None:
        """`changed` is called on the loop for every pod that may have changed, came or went, and `listed`
        after each list."""
        self._client, self._changed, self._now = client, changed, now
        self._listed, self._metrics = listed, metrics
        self._config = config or LifecycleConfig()
        self._seen: dict[PodKey, frozenset[tuple[str, int]]] = {}
        self.hears = False
        """Whether the runtime tells of what happens."""
        self._wake = asyncio.Event()
        self.listed_at: int | None = None
        """Instant of the last list that came; None before the first."""
        self.error = "the runtime has not answered yet"
        """Why the last list did not come; empty when it did."""

    @property
    def pods(self) -> list[PodKey]:
        """Those that the runtime has something of."""
        return list(self._seen)

    async def relist(self) -> None:
        """Compare with the last list. RuntimeRefusal."""
        now = self._now()
        seen = await self._list()
        self._measure(now)
        before, self._seen = self._seen, seen
        self.listed_at, self.error = now, ""
        for key in {**before, **seen}:
            if before.get(key) != seen.get(key):
                self._changed(key)
        self._listed()

    def _measure(self, began: int) -> None:
        if self._metrics is not None:
            since_last_s = None if self.listed_at is None else (began - self.listed_at) / SECOND
            self._metrics.on_relist((self._now() - began) / SECOND, since_last_s, time.time())

    async def run(self) -> None:
        """Until cancelled; a runtime that is away is waited for."""
        await together(self._relist_again(), self._listen_again())

    async def _relist_again(self) -> None:
        while True:
            try:
                await self.relist()
            except RuntimeRefusal as refused:
                if str(refused) != self.error:
                    _log.warning("the runtime does not list its pods: %s", refused)
                self.error = str(refused)
            config = self._config
            wait_s = config.relist_with_events_s if self.hears and not self.error else config.relist_s
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    async def _listen_again(self) -> None:
        told = ""
        while True:
            try:
                await self._listen()
                told = ""
            except RuntimeRefusal as refused:
                if str(refused) != told:
                    told = str(refused)
                    _log.info("no events of the runtime: %s; its pods are listed every second", refused)
            self.hears = False
            self._wake.set()
            await asyncio.sleep(self._config.relist_s)

    async def _listen(self) -> None:
        events = self._client.events()
        async for event in events:
            if event is None:  # the stream stands: what happened before it is in a list
                self.hears = True
                self._wake.set()
                continue
            key = pod_key(event.pod_sandbox_status.labels)
            if key is None:  # a sandbox went, and nobody says whose it was
                self._wake.set()
            else:
                self._seen.pop(key, None)  # the next list tells it anew, so that nothing is lost
                self._changed(key)

    async def _list(self) -> dict[PodKey, frozenset[tuple[str, int]]]:
        sandboxes, containers = await asyncio.gather(self._client.sandboxes(), self._client.containers())
        found: dict[PodKey, set[tuple[str, int]]] = {}
        things = [(one.labels, one.id, int(one.state)) for one in sandboxes]
        things += [(one.labels, one.id, int(one.state)) for one in containers]
        for labels, one_id, state in things:
            key = pod_key(labels)
            if key is not None:
                found.setdefault(key, set()).add((one_id, state))
        return {key: frozenset(states) for key, states in found.items()}
