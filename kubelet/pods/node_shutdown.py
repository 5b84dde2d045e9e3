"""The machine goes down: its pods end in order, and the cluster hears of each before this process does.

k/k pkg/kubelet/nodeshutdown/nodeshutdown_manager.go, processShutdownEvent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bronzewillow.kube.errors import KubeError
from kubelet.model.pod_spec import full_name, uid
from kubelet.model.shutdown import ShutdownGroup, shutdown_groups
from kubelet.pods.shown_pods import shown
from kubelet.pods.worker import PodWorker

_LEAST_S = 3.0
"""Of the wait for a group: a runtime gives a container 2 s, whatever it is told."""
_LAST_WORDS_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShutdownGrace:
    """How long pods may take."""

    whole_s: int = 10
    """0: they are left to the system, and found as it left them."""
    critical_s: int = 2
    """The last part of it, which critical pods have."""


class NodeShutdown:
    """Ends the pods of one node when its machine goes down; once."""

    def __init__(self, pods: Mapping[str, PodWorker], flush: Callable[[str], Awaitable[None]]) -> None:
        """`pods` by UID; `flush` returns when the newest status of one is written. KubeError."""
        self._pods, self._flush = pods, flush

    async def run(self, grace: ShutdownGrace) -> None:
        """Until all have ended, or the time is over. Whoever makes pods and statuses goes on meanwhile."""
        if not grace.whole_s:
            return
        pods = [shown(worker) for worker in self._pods.values()]
        for group in shutdown_groups(pods, grace.whole_s, grace.critical_s):
            await self._end(group)
        told = asyncio.gather(*(self._tell(pod_uid) for pod_uid in list(self._pods)))
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await told
        except TimeoutError:
            _log.warning("the cluster may not know that pods have ended: its API server does not answer")

    async def _end(self, group: ShutdownGroup) -> None:
        workers = [self._pods[uid(pod)] for pod in group.pods if uid(pod) in self._pods]
        for worker in workers:
            worker.end(group.ending)
        limit_s = max(float(group.grace_s), _LEAST_S)
        try:
            async with asyncio.timeout(limit_s):
                for worker in workers:
                    await worker.ended.wait()
        except TimeoutError:
            left = [full_name(one.pod) for one in workers if not one.ended.is_set()]
            _log.warning("%s: have not ended within %g s", ", ".join(left), limit_s)

    async def _tell(self, pod_uid: str) -> None:
        try:
            await self._flush(pod_uid)
        except KubeError as error:
            _log.info("the status of pod %s is not written: %s", pod_uid, error)
