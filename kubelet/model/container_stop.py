"""Ending one instance of a container: preStop, then the stop, within one grace.

k/k pkg/kubelet/kuberuntime/kuberuntime_container.go killContainer.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelet.model.actions import Action, HookKind, RunHook, StopContainer
from kubelet.model.container_start import LEAST_GRACE_S
from kubelet.model.decision import EventType, PodEvent
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Failed, Outcome
from kubelet.model.pod_spec import Kind, Object, field_path, mapping
from kubelet.model.times import SECOND

RETRY = 2 * SECOND


@dataclass(slots=True)
class _Stopping:
    container_id: str
    deadline: int
    is_hooked: bool
    """The preStop hook was begun."""
    asked_until: int | None = None
    """The deadline of which the runtime was told."""
    retry_at: int | None = None


class ContainerStop:
    """Of one container of a pod."""

    def __init__(self, container: Object, kind: Kind, outbox: Outbox) -> None:
        self._name = str(container["name"])
        self._path = field_path(container, kind)
        self._outbox = outbox
        self._stopping: _Stopping | None = None

    def advance(self, container: Object, container_id: str, message: str, deadline: int, now: int) -> None:
        """A step towards the end. `message` is told when it begins; the deadline may come nearer."""
        stopping = self._stopping
        if stopping is None or stopping.container_id != container_id:
            stopping = self._stopping = _Stopping(container_id, deadline, False)
            self._outbox.tell(PodEvent(EventType.NORMAL, "Killing", message, self._path))
        stopping.deadline = min(stopping.deadline, deadline)
        if not self._is_hook_over(stopping, container, now):
            return
        if stopping.retry_at is not None and now < stopping.retry_at:
            self._outbox.wake(stopping.retry_at)
            return
        self._stop(stopping, now)

    def drop(self) -> None:
        """Nothing runs: a preStop hook has nothing to wait for."""
        for hook in self._hooks():
            self._outbox.cancel(hook)

    def finish(self, action: Action, outcome: Outcome, now: int) -> None:
        """Of a hook or a stop."""
        if isinstance(action, RunHook) and isinstance(outcome, Failed):
            message = f"PreStopHook failed: {outcome.message}"
            self._outbox.tell(PodEvent(EventType.WARNING, "FailedPreStopHook", message, self._path))
        stopping = self._stopping
        if isinstance(action, StopContainer) and stopping and stopping.container_id == action.container_id:
            # It is asked for again only if the container still runs then.
            stopping.retry_at = now + RETRY

    def _is_hook_over(self, stopping: _Stopping, container: Object, now: int) -> bool:
        handler = mapping(mapping(container.get("lifecycle")).get(HookKind.PRE_STOP.value))
        remaining_s = _ceil_seconds(stopping.deadline - now)
        if not handler:
            return True
        if not stopping.is_hooked:
            stopping.is_hooked = True
            if remaining_s <= LEAST_GRACE_S:
                return True
            self._outbox.ask(
                RunHook(self._name, stopping.container_id, HookKind.PRE_STOP, remaining_s, handler)
            )
        hooks = self._hooks()
        if hooks and now < stopping.deadline:
            self._outbox.wake(stopping.deadline)
            return False
        for hook in hooks:
            self._outbox.cancel(hook)
        return True

    def _hooks(self) -> list[Action]:
        return [
            action
            for action in self._outbox.in_flight(RunHook, container=self._name)
            if isinstance(action, RunHook) and action.kind is HookKind.PRE_STOP
        ]

    def _stop(self, stopping: _Stopping, now: int) -> None:
        is_asked = any(
            isinstance(action, StopContainer) and action.container_id == stopping.container_id
            for action in self._outbox.in_flight(StopContainer, container=self._name)
        )
        if is_asked and stopping.asked_until is not None and stopping.deadline >= stopping.asked_until:
            return
        stopping.asked_until = stopping.deadline
        grace_s = max(LEAST_GRACE_S, _ceil_seconds(stopping.deadline - now))
        self._outbox.ask(StopContainer(self._name, stopping.container_id, grace_s))


def _ceil_seconds(duration: int) -> int:
    return max(0, -(-duration // SECOND))
