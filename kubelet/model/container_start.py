"""From a container that should run to one that does: back-off, image, create, start, postStart.

k/k pkg/kubelet/kuberuntime/kuberuntime_manager.go doBackOff, kuberuntime_container.go startContainer.
"""

from __future__ import annotations

from kubelet.model.actions import (
    Action,
    CreateContainer,
    HookKind,
    InspectImage,
    PullImage,
    RemoveContainer,
    RunHook,
    StartContainer,
    StopContainer,
)
from kubelet.model.backoff import Backoff
from kubelet.model.container_status import Waiting
from kubelet.model.decision import EventType, PodEvent
from kubelet.model.image_pull import ImagePull
from kubelet.model.observed import ContainerState, ObservedContainer
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Failed, ImageFound, Made, Outcome, Pulled
from kubelet.model.pod_spec import Kind, Object, field_path, full_name, mapping, spec_hash
from kubelet.model.times import SECOND, go_duration

RETRY = 10 * SECOND
"""After an error of the configuration or of the runtime."""
LEAST_GRACE_S = 2
"""The stop time-out handed to a runtime is never less."""
_EXCLUSIVE: tuple[type[Action], ...] = (
    InspectImage, PullImage, CreateContainer, StartContainer, RemoveContainer, RunHook, StopContainer,
)  # fmt: skip


class ContainerStart:
    """Of one container of a pod, for all of its instances."""

    def __init__(self, pod: Object, container: Object, kind: Kind, outbox: Outbox, attempts: int) -> None:
        """`attempts`: how many instances there have been, as far as the API server was told."""
        self.waiting: Waiting | None = None
        """Why it is not started."""
        self.hook_id = ""
        """The instance whose postStart hook is not over: it does not count as running yet."""
        self.failed_hook_id = ""
        """The instance whose postStart hook has failed: it is to be ended."""
        self._name = str(container["name"])
        self._full_name = full_name(pod)
        self._container = container
        self._path = field_path(container, kind)
        self._outbox = outbox
        self._attempts = attempts
        self._pull = ImagePull(self._name, outbox, self._path)
        self._backoff = Backoff()
        self.spec_hash = spec_hash(container)
        """Of the present spec."""
        self._begun_after = ""
        """The instance whose end the present start answers."""
        self._told_of = ""
        self._broken_id = ""
        self._stopped_id = ""
        self._retry_at: int | None = None

    def follow(self, container: Object) -> None:
        """The container's present spec."""
        self._container = container
        if (found := spec_hash(container)) != self.spec_hash:
            self.spec_hash = found
            self._backoff = Backoff()
            self._retry_at = None
            self._pull.reset()

    def give_up(self) -> None:
        """The pod ends: nothing is started any more."""
        for action in self._outbox.in_flight(PullImage, container=self._name):
            self._outbox.cancel(action)
        self.cancel_hook()

    def cancel_hook(self) -> None:
        """Its container is to end."""
        for action in self._outbox.in_flight(RunHook, container=self._name):
            if isinstance(action, RunHook) and action.kind is HookKind.POST_START:
                self._outbox.cancel(action)

    def advance(self, newest: ObservedContainer | None, sandbox_id: str, ended: int, now: int) -> None:
        """One step. `newest` does not run; `ended`: the Instant at which it ended, if it has."""
        if self._outbox.in_flight(*_EXCLUSIVE, container=self._name):
            return
        if self._is_waiting_for_retry(now):
            return
        if newest is not None and not self._is_out_of_the_way(newest, sandbox_id):
            return
        if newest is not None and newest.is_ended and self._is_backing_off(newest, ended, now):
            return
        image = self._pull.advance(self._container, now)
        self.waiting = self._pull.waiting or self.waiting
        if image is None:
            return
        self._attempts = max(self._attempts, newest.attempt + 1 if newest is not None else 0)
        self._outbox.ask(
            CreateContainer(self._name, self._attempts, sandbox_id, image.name, image.ref, self.spec_hash)
        )

    def finish(self, action: Action, outcome: Outcome, now: int, *, is_given_up: bool) -> None:
        """One of the actions asked for above."""
        if isinstance(action, InspectImage | PullImage):
            if isinstance(outcome, Failed | ImageFound | Pulled):
                self._pull.finish(action, outcome, now, is_given_up=is_given_up)
                self.waiting = self._pull.waiting or self.waiting
        elif isinstance(action, CreateContainer):
            self._finish_create(action, outcome, now)
        elif isinstance(action, StartContainer):
            self._finish_start(action, outcome, now)
        elif isinstance(action, RunHook):
            self._finish_hook(action, outcome, is_given_up)
        elif isinstance(outcome, Failed):
            self._retry_at = now + RETRY
        elif isinstance(action, StopContainer):
            self._stopped_id = action.container_id

    # ---- inside

    def _is_waiting_for_retry(self, now: int) -> bool:
        if self._retry_at is None or now >= self._retry_at:
            return False
        self._outbox.wake(self._retry_at)
        return True

    def _is_out_of_the_way(self, newest: ObservedContainer, sandbox_id: str) -> bool:
        """Whether another instance may be made; else a step towards that."""
        if newest.state is ContainerState.UNKNOWN and newest.id != self._stopped_id:
            # It may run for all we know, and must not run twice.
            self._outbox.ask(StopContainer(self._name, newest.id, LEAST_GRACE_S))
            return False
        if newest.state is not ContainerState.CREATED:
            return True
        self._attempts = max(self._attempts, newest.attempt + 1)
        if newest.sandbox_id != sandbox_id or newest.id == self._broken_id:
            self._outbox.ask(RemoveContainer(self._name, newest.id))
        else:  # made before its maker was killed, perhaps
            if self._post_start():
                self.hook_id = newest.id
            self._outbox.ask(StartContainer(self._name, newest.id))
        return False

    def _is_backing_off(self, newest: ObservedContainer, ended: int, now: int) -> bool:
        if self._begun_after == newest.id:
            return False
        due = self._backoff.until(ended)
        if now >= due:
            self._backoff.step(ended, now)
            self._begun_after = newest.id
            self._pull.forget_found()
            return False
        self._outbox.wake(due)
        if self._told_of != newest.id:
            self._told_of = newest.id
            message = f"Back-off restarting failed container {self._name} in pod {self._full_name}"
            self._tell(EventType.WARNING, "BackOff", message)
        delay = go_duration(self._backoff.delay)
        self.waiting = Waiting(
            "CrashLoopBackOff",
            f"back-off {delay} restarting failed container={self._name} pod={self._full_name}",
        )
        return True

    def _finish_create(self, action: CreateContainer, outcome: Outcome, now: int) -> None:
        if isinstance(outcome, Made):
            self._attempts = action.attempt + 1
            self._tell(EventType.NORMAL, "Created", f"Created container: {self._name}")
        elif isinstance(outcome, Failed):
            self._fail(outcome, "CreateContainerError", now)
            if outcome.reason != "CreateContainerConfigError":
                self._pull.forget_found()

    def _finish_start(self, action: StartContainer, outcome: Outcome, now: int) -> None:
        if isinstance(outcome, Failed):
            self._broken_id = action.container_id
            self.hook_id = ""
            self._fail(outcome, "RunContainerError", now)
            return
        self._tell(EventType.NORMAL, "Started", f"Started container {self._name}")
        self._retry_at = None
        handler = self._post_start()
        if handler and self.hook_id == action.container_id:
            self._outbox.ask(RunHook(self._name, action.container_id, HookKind.POST_START, 0, handler))
        else:
            self.waiting = None

    def _finish_hook(self, action: RunHook, outcome: Outcome, is_given_up: bool) -> None:
        if self.hook_id == action.container_id:
            self.hook_id = ""
        if not isinstance(outcome, Failed):
            self.waiting = None
        elif not is_given_up:
            self.failed_hook_id = action.container_id
            self.waiting = Waiting("PostStartHookError", outcome.message)
            self._tell(EventType.WARNING, "FailedPostStartHook", f"PostStartHook failed: {outcome.message}")

    def _post_start(self) -> Object:
        return mapping(mapping(self._container.get("lifecycle")).get(HookKind.POST_START.value))

    def _fail(self, outcome: Failed, reason: str, now: int) -> None:
        self.waiting = Waiting(outcome.reason or reason, outcome.message)
        self._retry_at = now + RETRY
        self._tell(EventType.WARNING, "Failed", f"Error: {outcome.message}")

    def _tell(self, type: EventType, reason: str, message: str) -> None:
        self._outbox.tell(PodEvent(type, reason, message, self._path))
