"""The probes of one container: which run, what they say of it, and when it must be restarted."""

from __future__ import annotations

import hashlib

from kubelet.model.actions import Probe, ProbeKind
from kubelet.model.decision import EventType, PodEvent
from kubelet.model.observed import ObservedContainer
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Failed, Outcome, Probed, ProbeResult
from kubelet.model.pod_spec import Object, mapping
from kubelet.model.probe_worker import ProbeWorker


class ContainerProbes:
    """Follows the instance that runs; another one begins anew."""

    def __init__(self, seed: str, path: str, outbox: Outbox) -> None:
        """`seed` spreads first probes after a restart of the agent; `path`: of events."""
        self._seed = seed
        self._path = path
        self._outbox = outbox
        self._container_id = ""
        self._running_since = 0
        self._workers: dict[ProbeKind, ProbeWorker] = {}

    @property
    def is_started(self) -> bool:
        """No startup probe, or it has passed."""
        worker = self._workers.get(ProbeKind.STARTUP)
        return worker is None or worker.is_success

    @property
    def is_ready(self) -> bool:
        """No readiness probe, or it passes."""
        worker = self._workers.get(ProbeKind.READINESS)
        return worker is None or worker.is_success

    @property
    def failed(self) -> ProbeWorker | None:
        """The probe because of which the container is to be restarted."""
        return next((worker for worker in self._workers.values() if worker.is_failure), None)

    def follow(
        self, container: Object, instance: ObservedContainer, told: Object, agent_started: int,
        running_since: int, now: int,
    ) -> None:  # fmt: skip
        """`told`: its status of before, if it was of this instance: what had passed has passed."""
        if instance.id == self._container_id:
            return
        self._container_id = instance.id
        self._running_since = running_since
        self._workers = {}
        known = {ProbeKind.STARTUP: told.get("started"), ProbeKind.READINESS: told.get("ready")}
        for kind in ProbeKind:
            probe = mapping(container.get(kind.key))
            if probe:
                verdict = True if known.get(kind) is True else None
                worker = ProbeWorker(kind, probe, now, verdict)
                self._workers[kind] = worker
                if running_since < agent_started and now - agent_started < worker.period:
                    worker = ProbeWorker(kind, probe, now + self._spread(kind, worker.period), verdict)
                    self._workers[kind] = worker

    def drop(self) -> None:
        """The container runs no longer."""
        self._container_id = ""
        self._workers = {}

    def advance(self, name: str, now: int, *, is_ending: bool) -> None:
        """Probe what is due. While the pod ends only readiness does, and startup counts as passed."""
        if is_ending:
            self._workers.pop(ProbeKind.STARTUP, None)
            self._workers.pop(ProbeKind.LIVENESS, None)
        is_started = self.is_started
        for kind, worker in self._workers.items():
            if worker.due(now, running_since=self._running_since, is_started=is_started):
                probe = Probe(name, self._container_id, kind, worker.timeout_s, worker.probe, worker.attempts)
                self._outbox.ask(probe)
            tick = worker.next_timeout(is_started=is_started)
            if tick is not None:
                self._outbox.wake(tick)

    def finish(self, action: Probe, outcome: Outcome, now: int) -> bool:
        """An attempt has ended, perhaps of an instance that is gone. Whether that says anything new."""
        worker = self._workers.get(action.kind)
        if action.container_id != self._container_id or worker is None:
            return False
        if isinstance(outcome, Failed):
            outcome = Probed(ProbeResult.UNKNOWN, outcome.message)
        if not isinstance(outcome, Probed):
            return False
        was_started, before = self.is_started, (worker.verdict, worker.is_held)
        worker.finish(outcome.result)
        is_told = self._tell(action.kind, outcome)
        if self.is_started and not was_started and ProbeKind.READINESS in self._workers:
            self._workers[ProbeKind.READINESS].hurry(now)
        return is_told or (worker.verdict, worker.is_held) != before

    def _tell(self, kind: ProbeKind, outcome: Probed) -> bool:
        word = {
            ProbeResult.FAILURE: ("Unhealthy", "failed"),
            ProbeResult.UNKNOWN: ("Unhealthy", "errored"),
            ProbeResult.WARNING: ("ProbeWarning", "warning"),
        }.get(outcome.result)
        if word is not None:
            message = f"{kind.value.capitalize()} probe {word[1]}: {outcome.output}"
            self._outbox.tell(PodEvent(EventType.WARNING, word[0], message, self._path))
        return word is not None

    def _spread(self, kind: ProbeKind, period: int) -> int:
        digest = hashlib.sha256(f"{self._seed}/{kind}".encode()).digest()
        return int.from_bytes(digest[:4], "big") * period >> 32
