"""Graceful shutdown of the node: the critical pods end last. k/k pkg/kubelet/nodeshutdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubelet.model.admission import is_critical
from kubelet.model.decision import Ending
from kubelet.model.pod_spec import Object, is_terminal, status

MESSAGE = "Pod was terminated in response to imminent node shutdown."
REASON = "Terminated"


@dataclass(frozen=True, slots=True)
class ShutdownGroup:
    """Pods that end together; the next group follows when all have ended, or after the grace."""

    pods: Sequence[Object]
    grace_s: int

    @property
    def ending(self) -> Ending:
        """How each pod of the group ends."""
        return Ending(REASON, MESSAGE, self.grace_s)


def shutdown_groups(pods: Iterable[Object], grace_s: int, critical_grace_s: int) -> list[ShutdownGroup]:
    """`grace_s`: of the whole shutdown, of which the critical pods have the last `critical_grace_s`."""
    running = [pod for pod in pods if not is_terminal(status(pod).get("phase"))]
    critical = [pod for pod in running if is_critical(pod)]
    others = [pod for pod in running if not is_critical(pod)]
    critical_grace_s = min(critical_grace_s, grace_s)
    groups = [ShutdownGroup(others, grace_s - critical_grace_s), ShutdownGroup(critical, critical_grace_s)]
    return [group for group in groups if group.pods]
