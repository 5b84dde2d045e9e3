"""One container of a pod: its instances, its start, its stop and its probes."""

from __future__ import annotations

from dataclasses import replace

from kubelet.model.actions import Action, HookKind, Probe, RunHook, StopContainer
from kubelet.model.container_probes import ContainerProbes
from kubelet.model.container_start import ContainerStart
from kubelet.model.container_status import ContainerView
from kubelet.model.container_stop import ContainerStop
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Outcome
from kubelet.model.pod_spec import (
    Kind,
    Object,
    RestartPolicy,
    field_path,
    integer,
    is_sidecar,
    uid,
)


class ContainerRun:
    """For as long as its pod lives."""

    def __init__(self, pod: Object, container: Object, kind: Kind, outbox: Outbox, told: Object) -> None:
        """`told`: its ContainerStatus as the API server has it, empty if it has none."""
        self.spec = container
        self.kind = kind
        self.name = str(container["name"])
        self.instances: list[ObservedContainer] = []
        """The newest first."""
        path = field_path(container, kind)
        self.start = ContainerStart(pod, container, kind, outbox, _attempts(told))
        self.stop = ContainerStop(container, kind, outbox)
        self.probes = ContainerProbes(f"{uid(pod)}/{self.name}", path, outbox)
        self._told = told
        self._over_memory: set[str] = set()
        self._seen_running: dict[str, int] = {}
        self._since: dict[str, int] = {}
        self._ended: dict[str, int] = {}

    @property
    def is_sidecar(self) -> bool:
        """Whether it is an init container that stays."""
        return self.kind is Kind.INIT and is_sidecar(self.spec)

    @property
    def newest(self) -> ObservedContainer | None:
        """The newest instance."""
        return self.instances[0] if self.instances else None

    @property
    def running(self) -> ObservedContainer | None:
        """The instance that runs."""
        return next((one for one in self.instances if one.is_running), None)

    @property
    def has_started(self) -> bool:
        """Runs, its postStart hook is over, and its startup probe has passed."""
        running = self.running
        return running is not None and running.id != self.start.hook_id and self.probes.is_started

    @property
    def ended(self) -> int:
        """The Instant at which the newest instance ended; 0 if it has not."""
        return self._ended.get(self.newest.id, 0) if self.newest else 0

    def follow(self, container: Object) -> None:
        """The container's present spec."""
        self.spec = container
        self.start.follow(container)

    def observe(self, observed: ObservedPod, agent_started: int, wall: int, now: int) -> None:
        """What the runtime says now."""
        self.instances = [self._as_killed(one) for one in observed.instances(self.name)]
        for one in self.instances:
            self._date(one, wall, now)
        for dates in (self._seen_running, self._since, self._ended):
            for gone in dates.keys() - {one.id for one in self.instances}:
                del dates[gone]
        running = self.running
        if running is None:
            self.probes.drop()
            self.stop.drop()
            if any(one.is_ended and one.id == self.start.hook_id for one in self.instances):
                self.start.cancel_hook()
        elif self.kind is Kind.APP or self.is_sidecar:
            is_same = str(self._told.get("containerID", "")).endswith(f"://{running.id}")
            told = self._told if is_same else {}
            self.probes.follow(self.spec, running, told, agent_started, self._since[running.id], now)

    def kill_for_memory(self, container_id: str) -> None:
        """The instance that was measured holds more memory than its limit; another may run by now."""
        if self.running is not None and self.running.id == container_id:
            self._over_memory.add(container_id)

    def advance(self, sandbox_id: str, now: int) -> None:
        """A step towards running."""
        if self.running is None:
            self.start.advance(self.newest, sandbox_id, self.ended, now)

    def end(self, message: str, deadline: int, now: int) -> None:
        """A step towards the end of what runs."""
        running = self.running
        if running is not None:
            self.start.cancel_hook()
            self.stop.advance(self.spec, running.id, message, deadline, now)

    def finish(self, action: Action, outcome: Outcome, now: int, *, is_given_up: bool) -> bool:
        """An action of this container. Whether it changes anything, as most probes do not."""
        if isinstance(action, Probe):
            return self.probes.finish(action, outcome, now)
        if isinstance(action, RunHook) and action.kind is HookKind.PRE_STOP:
            self.stop.finish(action, outcome, now)
        else:
            self.start.finish(action, outcome, now, is_given_up=is_given_up)
            if isinstance(action, StopContainer):
                self.stop.finish(action, outcome, now)
        return True

    def reason_to_replace(self, *, is_restarted: bool) -> str:
        """Why what runs must not run on, as the event `Killing` says it; empty if it may."""
        running, failed = self.running, self.probes.failed
        if running is None:
            return ""
        if running.id in self._over_memory:
            return f"Container {self.name} exceeded its memory limit"
        if running.id == self.start.failed_hook_id:
            return "FailedPostStartHook"
        if running.spec_hash and running.spec_hash != self.start.spec_hash:
            return f"Container {self.name} definition changed, will be restarted"
        if failed is None:
            return ""
        message = f"Container {self.name} failed {failed.kind.value} probe"
        return f"{message}, will be restarted" if is_restarted else message

    def grace_s(self, pod_grace_s: int) -> int:
        """Of a replacement: none after too much memory; the probe's own, if that failed."""
        if self.running is not None and self.running.id in self._over_memory:
            return 0
        failed = self.probes.failed
        own = failed.probe.get("terminationGracePeriodSeconds") if failed is not None else None
        return max(0, integer(own, pod_grace_s))

    def is_restarted(self, policy: RestartPolicy) -> bool:
        """Whether another instance follows what has ended."""
        newest = self.newest
        if newest is None or not newest.is_ended or self.is_sidecar:
            return True
        if self.spec.get("restartPolicy") in ("Always", "OnFailure", "Never"):
            policy = RestartPolicy(self.spec["restartPolicy"])
        has_succeeded = newest.state is ContainerState.EXITED and newest.exit_code == 0
        if self.kind is Kind.INIT:
            return not has_succeeded and policy is not RestartPolicy.NEVER
        return policy is RestartPolicy.ALWAYS or (policy is RestartPolicy.ON_FAILURE and not has_succeeded)

    def has_succeeded_in(self, sandbox_id: str) -> bool:
        """Whether this init container is over, in that sandbox."""
        newest = self.newest
        return (
            newest is not None
            and newest.sandbox_id == sandbox_id
            and newest.state is ContainerState.EXITED
            and newest.exit_code == 0
        )

    def superfluous(self) -> list[ObservedContainer]:
        """Instances of which nobody asks any more: all that have ended but the last one."""
        dead = [one for one in self.instances if one.is_ended]
        return dead[1:]

    def view(self) -> ContainerView:
        """For the status: what is being made does not show before it runs."""
        shown = [
            one for one in self.instances if one.is_ended or (one.is_running and one.id != self.start.hook_id)
        ]
        current = self.running if self.running in shown else shown[0] if shown else None
        last = next((one for one in shown if one.is_ended and one is not current), None)
        return ContainerView(
            self.spec, self.kind, current, last, self.start.waiting,
            self.probes.is_started, self.probes.is_ready,
        )  # fmt: skip

    def _as_killed(self, one: ObservedContainer) -> ObservedContainer:
        if one.is_ended and one.id in self._over_memory:
            return replace(one, exit_code=137, reason="OOMKilled")
        return one

    def _date(self, one: ObservedContainer, wall: int, now: int) -> None:
        """The wall clock is looked at once for each date, so that it may jump afterwards."""
        if one.is_running:
            self._seen_running[one.id] = now
            self._since.setdefault(one.id, now - _age(one.started_ns, wall))
        elif one.is_ended and one.id not in self._ended:
            at_least = self._seen_running.get(one.id)
            ended = now - _age(one.finished_ns, wall)
            self._ended[one.id] = ended if at_least is None else max(ended, at_least)


def _age(time_ns: int, wall: int) -> int:
    return max(0, wall - time_ns // 1000) if time_ns > 0 else 0


def _attempts(told: Object) -> int:
    count = max(0, integer(told.get("restartCount")))
    return count + 1 if told.get("containerID") else count
