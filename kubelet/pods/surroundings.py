"""A node as its pods' workers see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kubelet.model.actions import Action
from kubelet.model.decision import NodeFacts, PodEvent
from kubelet.model.observed import ObservedPod
from kubelet.model.outcomes import Outcome
from kubelet.model.pod_spec import Object, uid
from kubelet.model.times import SECOND
from kubelet.pods.execution import Execution
from kubelet.pods.metrics import PodMetrics
from kubelet.pods.status_writer import StatusWriter
from kubelet.provider.client import RuntimeClient
from kubelet.provider.observing import observe
from kubelet.provider.termination_message import message_of


def now() -> int:
    """The Instant on the machine's monotonic clock."""
    return time.monotonic_ns() // 1000


def wall() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(slots=True)
class NodeSurroundings:
    """`Surroundings` of one node."""

    runtime: RuntimeClient
    execution: Execution
    statuses: StatusWriter
    node_facts: Callable[[], NodeFacts]
    record: Callable[[Object, PodEvent], None]
    finished: Callable[[str], None]
    metrics: PodMetrics

    def now(self) -> int:
        """See Surroundings."""
        return now()

    def wall(self) -> int:
        """See Surroundings."""
        return wall()

    def facts(self) -> NodeFacts:
        """See Surroundings."""
        return self.node_facts()

    async def observe(self, pod_uid: str) -> ObservedPod:
        """See Surroundings."""
        return await observe(self.runtime, pod_uid, now(), message_of)

    async def execute(self, pod: Object, action: Action, observed: ObservedPod | None) -> Outcome:
        """See Surroundings."""
        began = now()
        outcome = await self.execution.execute(pod, action, observed)
        self.metrics.on_outcome(pod, action, outcome, (now() - began) / SECOND)
        return outcome

    def tell_status(self, pod: Object, status: Object) -> None:
        """See Surroundings."""
        self.metrics.on_status(uid(pod), status.get("phase"), now())
        self.statuses.put(uid(pod), status)

    def tell_event(self, pod: Object, event: PodEvent) -> None:
        """See Surroundings."""
        self.record(pod, event)

    def count_eviction(self, signal: str) -> None:
        """See Surroundings."""
        self.metrics.on_eviction(signal)

    def count_sync(self, seconds: float, *, is_first: bool) -> None:
        """See Surroundings."""
        self.metrics.on_sync(seconds, is_first=is_first)

    def on_finished(self, pod_uid: str) -> None:
        """See Surroundings."""
        self.statuses.forget(pod_uid)
        self.metrics.forget(pod_uid)
        self.finished(pod_uid)
