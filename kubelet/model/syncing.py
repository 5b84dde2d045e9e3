"""A pod on its way to running, and while it runs.

In this order: what must not run on is ended; volumes; sandbox; init containers one by one, sidecars among
them; app containers side by side. k/k pkg/kubelet/kuberuntime/kuberuntime_manager.go, SyncPod.
"""

from __future__ import annotations

from kubelet.model.actions import (
    Action,
    CreateSandbox,
    RemoveContainer,
    RemoveSandbox,
    SetUpVolumes,
    StopSandbox,
)
from kubelet.model.container_run import ContainerRun
from kubelet.model.decision import EventType, PodEvent
from kubelet.model.observed import ContainerState, ObservedSandbox
from kubelet.model.outcomes import Failed, Outcome
from kubelet.model.pod_spec import Kind, grace_s, restart_policy
from kubelet.model.pod_state import PodState
from kubelet.model.times import SECOND

SANDBOX_RETRY = 10 * SECOND
VOLUME_RETRY_FIRST = SECOND // 2
VOLUME_RETRY_LONGEST = 122 * SECOND
"""k/k pkg/util/goroutinemap/exponentialbackoff."""


class Syncing:
    """Brings one pod towards running: volumes, sandbox, containers."""

    def __init__(self, state: PodState) -> None:
        self._state = state
        self._outbox = state.outbox
        self._has_volumes = False
        self._volume_retry = VOLUME_RETRY_FIRST
        self._retry_at: dict[type[Action], int] = {}
        self._changed_id = ""
        self._stopped: set[str] = set()

    def advance(self, now: int) -> None:
        """One step of each container that can take one."""
        self._set_up_volumes(now)
        sandbox = self._state.sandbox
        if sandbox is None or not sandbox.is_ready:
            self._replace(sandbox, now)
            return
        self._end_unwanted(now)
        self._collect(sandbox, now)
        if self._has_volumes and self._initialize(sandbox, now):
            for run in self._state.wanted(Kind.APP):
                self._run(run, sandbox, now)

    def finish(self, action: Action, outcome: Outcome, now: int) -> None:
        """An action of the pod as a whole."""
        if isinstance(action, SetUpVolumes):
            self._finish_volumes(outcome, now)
        elif isinstance(action, CreateSandbox) and isinstance(outcome, Failed):
            self._retry_at[CreateSandbox] = now + SANDBOX_RETRY
            self._warn("FailedCreatePodSandBox", f"Failed to create pod sandbox: {outcome.message}")
        elif isinstance(action, StopSandbox) and not isinstance(outcome, Failed):
            self._stopped.add(action.sandbox_id)
        elif isinstance(outcome, Failed):
            self._retry_at[type(action)] = now + SANDBOX_RETRY

    # ---- inside

    def _set_up_volumes(self, now: int) -> None:
        if not self._has_volumes and self._may(SetUpVolumes, now):
            self._outbox.ask(SetUpVolumes())

    def _finish_volumes(self, outcome: Outcome, now: int) -> None:
        if isinstance(outcome, Failed):
            self._retry_at[SetUpVolumes] = now + self._volume_retry
            self._volume_retry = min(self._volume_retry * 2, VOLUME_RETRY_LONGEST)
            self._warn("FailedMount", outcome.message)
        else:
            self._has_volumes = True

    def _replace(self, sandbox: ObservedSandbox | None, now: int) -> None:
        """There is no sandbox that could be used."""
        attempt = 0
        if sandbox is not None:
            attempt = sandbox.attempt + 1
            if self._changed_id != sandbox.id:
                self._changed_id = sandbox.id
                message = "Pod sandbox changed, it will be killed and re-created."
                self._outbox.tell(PodEvent(EventType.NORMAL, "SandboxChanged", message))
            self._end_all(now)
            if any(self._state.running()):
                return
            if sandbox.id not in self._stopped:
                if self._may(StopSandbox, now):
                    self._outbox.ask(StopSandbox(sandbox.id))
                return
        if self._has_volumes and self._may(CreateSandbox, now):
            self._outbox.ask(CreateSandbox(attempt))

    def _end_all(self, now: int) -> None:
        grace = grace_s(self._state.pod) * SECOND
        for run in self._state.running():
            run.end(f"Stopping container {run.name}", now + grace, now)

    def _end_unwanted(self, now: int) -> None:
        pod = self._state.pod
        policy = restart_policy(pod)
        for run in self._state.unwanted():
            run.end(f"Stopping container {run.name}", now + grace_s(pod) * SECOND, now)
        for kind in Kind:
            for run in self._state.wanted(kind):
                is_restarted = run.is_sidecar or policy != "Never"
                reason = run.reason_to_replace(is_restarted=is_restarted)
                if reason:
                    run.end(reason, now + run.grace_s(grace_s(pod)) * SECOND, now)

    def _initialize(self, sandbox: ObservedSandbox, now: int) -> bool:
        """Whether app containers may run; else the next step towards that."""
        has_begun = any(
            one.sandbox_id == sandbox.id and one.state is not ContainerState.CREATED
            for run in self._state.wanted(Kind.APP)
            for one in run.instances
        )
        for run in self._state.wanted(Kind.INIT):
            if run.is_sidecar:
                self._run(run, sandbox, now)
                if not has_begun and not run.has_started:
                    return False
            elif not has_begun and not run.has_succeeded_in(sandbox.id):
                self._run(run, sandbox, now)
                return False
        return True

    def _run(self, run: ContainerRun, sandbox: ObservedSandbox, now: int) -> None:
        newest = run.newest
        is_of_before = newest is not None and newest.sandbox_id != sandbox.id
        is_first_again = is_of_before and run.kind is Kind.INIT
        if is_first_again or run.is_restarted(restart_policy(self._state.pod)):
            run.advance(sandbox.id, now)

    def _collect(self, sandbox: ObservedSandbox, now: int) -> None:
        """Forget what nobody asks for any more: k/k pkg/kubelet/kuberuntime/kuberuntime_gc.go."""
        observed = self._state.observed
        superfluous = [one for run in self._state.runs.values() for one in run.superfluous()]
        if not (self._may(RemoveContainer, now) and self._may(RemoveSandbox, now)):
            return
        for one in superfluous:
            self._outbox.ask(RemoveContainer(one.name, one.id))
        kept = {one.sandbox_id for one in observed.containers} if observed is not None else set()
        for old in observed.sandboxes if observed is not None else ():
            if not old.is_ready and old.id != sandbox.id and old.id not in kept:
                self._outbox.ask(RemoveSandbox(old.id))

    def _may(self, kind: type[Action], now: int) -> bool:
        at = self._retry_at.get(kind)
        if at is None or now >= at:
            return True
        self._outbox.wake(at)
        return False

    def _warn(self, reason: str, message: str) -> None:
        self._outbox.tell(PodEvent(EventType.WARNING, reason, message))
