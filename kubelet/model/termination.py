"""The end of a pod: app containers, sidecars, sandbox, volumes; then the records, once nobody asks for it.

k/k pkg/kubelet/pod_workers.go: terminating, terminated.
"""

from __future__ import annotations

from enum import Enum

from kubelet.model.actions import (
    Action,
    CreateContainer,
    CreateSandbox,
    DeletePodObject,
    RemoveContainer,
    RemoveSandbox,
    SetUpVolumes,
    StartContainer,
    StopSandbox,
    TearDownVolumes,
)
from kubelet.model.container_run import ContainerRun
from kubelet.model.container_start import LEAST_GRACE_S
from kubelet.model.observed import ContainerState
from kubelet.model.outcomes import Failed, Outcome
from kubelet.model.pod_spec import is_deleted, is_static
from kubelet.model.pod_state import PodState
from kubelet.model.times import SECOND

RETRY = 2 * SECOND
"""k/k pkg/kubelet/kubelet.go, housekeepingPeriod."""
FORCED_GRACE_S = LEAST_GRACE_S
"""Of a pod whose API object is gone."""


class Progress(Enum):
    """How far a pod's end has come."""

    ENDING = "ending"
    ENDED = "ended"
    """Nothing runs, and the address is given back."""
    CLEAN = "clean"
    """The volumes are gone, too."""
    FINISHED = "finished"
    """The runtime has forgotten it."""


class Termination:
    """Of one pod. The grace is shared by its containers, and can only become shorter."""

    def __init__(self, state: PodState, grace_s: int, now: int) -> None:
        self._state = state
        self._outbox = state.outbox
        self.progress = Progress.ENDING
        self.deadline = now + grace_s * SECOND
        self._stopped: set[str] = set()
        self._are_volumes_gone = False
        self._is_object_deleted = False
        self._retry_at: dict[type[Action], int] = {}
        state.is_given_up = True
        for run in state.runs.values():
            run.start.give_up()

    def shorten(self, grace_s: int, now: int) -> None:
        """A deletion with less grace."""
        self.deadline = min(self.deadline, now + grace_s * SECOND)

    def advance(self, now: int) -> None:
        """A step; `progress` tells how far it has come. The runtime has been observed."""
        if self.progress is Progress.ENDING and self._end_containers(now) and self._stop_sandboxes(now):
            self.progress = Progress.ENDED
        if self.progress is Progress.ENDED and self._tear_down(now):
            self.progress = Progress.CLEAN
        if self.progress is Progress.CLEAN:
            self._leave(now)

    def finish(self, action: Action, outcome: Outcome, now: int) -> None:
        """An action of the pod as a whole, or the removal of a container."""
        if isinstance(outcome, Failed):
            self._retry_at[type(action)] = now + RETRY
        elif isinstance(action, StopSandbox):
            self._stopped.add(action.sandbox_id)
        elif isinstance(action, TearDownVolumes):
            self._are_volumes_gone = True
        elif isinstance(action, DeletePodObject):
            self._is_object_deleted = True

    # ---- inside

    def _end_containers(self, now: int) -> bool:
        """Whether nothing runs any more."""
        state = self._state
        sidecars = [run for run in state.running() if run.is_sidecar]
        others = [run for run in state.running() if not run.is_sidecar]
        for run in others:
            self._end(run, now)
        if not others and sidecars:
            self._end(sidecars[-1], now)
        for run in state.runs.values():
            newest = run.newest
            is_created = newest is not None and newest.state is ContainerState.CREATED
            if newest is not None and is_created and self._may(RemoveContainer, now):
                self._outbox.ask(RemoveContainer(run.name, newest.id))
        is_made = self._outbox.in_flight(CreateContainer, StartContainer, RemoveContainer)
        return not others and not sidecars and not is_made

    def _end(self, run: ContainerRun, now: int) -> None:
        run.end(f"Stopping container {run.name}", self.deadline, now)

    def _stop_sandboxes(self, now: int) -> bool:
        """Whether the pod has no address any more."""
        observed = self._state.observed
        if self._outbox.in_flight(CreateSandbox) or observed is None:
            return False
        left = [one for one in observed.sandboxes if one.is_ready or one.id not in self._stopped]
        for sandbox in left:
            if self._may(StopSandbox, now):
                self._outbox.ask(StopSandbox(sandbox.id))
        return not left

    def _tear_down(self, now: int) -> bool:
        if self._are_volumes_gone:
            return True
        if not self._outbox.in_flight(SetUpVolumes) and self._may(TearDownVolumes, now):
            self._outbox.ask(TearDownVolumes())
        return False

    def _leave(self, now: int) -> None:
        state = self._state
        observed = state.observed
        if not state.is_gone:
            is_wanted = is_deleted(state.pod) and not is_static(state.pod) and not self._is_object_deleted
            if is_wanted and self._may(DeletePodObject, now):
                self._outbox.ask(DeletePodObject())
            return
        if observed is not None and observed.containers:
            if self._may(RemoveContainer, now):
                for one in observed.containers:
                    self._outbox.ask(RemoveContainer(one.name, one.id))
        elif observed is not None and observed.sandboxes:
            if self._may(RemoveSandbox, now):
                for sandbox in observed.sandboxes:
                    self._outbox.ask(RemoveSandbox(sandbox.id))
        elif self._outbox.is_idle():
            self.progress = Progress.FINISHED

    def _may(self, kind: type[Action], now: int) -> bool:
        at = self._retry_at.get(kind)
        if at is None or now >= at:
            return True
        self._outbox.wake(at)
        return False
