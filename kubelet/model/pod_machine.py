"""One pod's life on this node. The package's docstring says how a shell drives it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.actions import CHANGES_RUNTIME, Action
from kubelet.model.decision import Decision, Ending, EventType, NodeFacts, PodEvent, Refusal
from kubelet.model.observed import ObservedPod
from kubelet.model.outcomes import Outcome
from kubelet.model.pod_spec import (
    Kind,
    Object,
    grace_s,
    is_deleted,
    is_static,
    is_terminal,
    metadata,
    objects,
    restart_policy,
    spec,
    status,
    text,
)
from kubelet.model.pod_state import PodState
from kubelet.model.pod_status import PodView, own_status, pod_status, refused_status
from kubelet.model.syncing import Syncing
from kubelet.model.termination import FORCED_GRACE_S, Progress, Termination
from kubelet.model.times import SECOND, parse_rfc3339

_DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"


class PodMachine:
    """From the first sight of a pod to the last."""

    def __init__(self, pod: Object) -> None:
        self._state = PodState(pod)
        self._outbox = self._state.outbox
        self._syncing = Syncing(self._state)
        self._termination: Termination | None = None
        self._status: dict[str, Any] = own_status(pod)
        self._seen: tuple[PodView, NodeFacts] | None = None
        """What `_status` shows."""
        self._is_final = is_terminal(status(pod).get("phase"))
        self._refusal: Refusal | None = None
        self._refused: set[str] = set()
        """Ephemeral containers, which are told of once."""
        self._ending: Ending | None = None
        self._pending: ObservedPod | None = None
        self._fresh_from = 0
        self._is_stale = False
        """An action of ours has changed the runtime, and it has not been looked at since."""
        self._active_until: int | None = None
        """The Instant of `activeDeadlineSeconds`, looked up once, so that the wall clock may jump."""
        self._settled: NodeFacts | None = None
        """The node for which all has been decided; None when something has happened since."""
        self._settled_until: int | None = None
        """The Instant at which there is more to decide than what to probe; None for never."""

    # ---- inputs

    @property
    def pod(self) -> Object:
        """As the API server, or the file, has it."""
        return self._state.pod

    @property
    def is_reclaimed(self) -> bool:
        """Whether nothing runs any more, and the volumes are gone."""
        return self._termination is not None and self._termination.progress in (
            Progress.CLEAN,
            Progress.FINISHED,
        )

    def desire(self, pod: Object) -> None:
        """The API object has changed; it has the same UID."""
        self._settled = None
        self._state.follow(pod)
        for one in objects(spec(pod).get("ephemeralContainers")):
            name = text(one.get("name"))
            if name not in self._refused:
                self._refused.add(name)
                message = f"Ephemeral container {name} is not started: this node has processes only"
                self._outbox.tell(PodEvent(EventType.WARNING, "EphemeralContainerUnsupported", message))

    def forget(self) -> None:
        """The API object is gone, or the static pod's file."""
        self._settled = None
        self._state.is_gone = True

    def refuse(self, refusal: Refusal) -> None:
        """It is not taken: it is Failed, and nothing is started."""
        if not self._is_final:
            self._settled = None
            self._refusal = refusal
            self._outbox.tell(PodEvent(EventType.WARNING, refusal.reason, refusal.message))

    def end(self, ending: Ending) -> bool:
        """The node ends it; whether that counts. The first reason does, and none after the pod's own end."""
        if self._ending is not None or self._refusal is not None or self._is_final:
            return False
        self._settled = None
        self._ending = ending
        type = EventType.WARNING if ending.disrupts else EventType.NORMAL
        self._outbox.tell(PodEvent(type, ending.reason, ending.message))
        return True

    def kill_for_memory(self, container: str, container_id: str) -> None:
        """An instance of it holds more memory than its limit: it is ended at once, as OOMKilled."""
        run = self._state.runs.get(container)
        if run is not None:
            self._settled = None
            run.kill_for_memory(container_id)

    def observe(self, observed: ObservedPod) -> None:
        """What the runtime says. One from before the last change of ours is set aside."""
        if observed.as_of >= self._fresh_from:
            self._pending = observed
            self._fresh_from = observed.as_of
            self._is_stale = False

    def finish(self, action: Action, outcome: Outcome, now: int) -> bool:
        """An action has been done, or has failed; whether there is something to decide, then.

        What was not asked for is set aside.
        """
        if not self._outbox.finish(action):
            return False
        if isinstance(action, CHANGES_RUNTIME):
            self._fresh_from = now
            self._is_stale = True
            self._pending = None
        name = getattr(action, "container", None)
        run = self._state.runs.get(name) if name is not None else None
        is_news = True
        if run is not None:
            is_news = run.finish(action, outcome, now, is_given_up=self._state.is_given_up)
        if is_news or self._termination is not None:
            self._settled = None
        if self._termination is not None:
            self._termination.finish(action, outcome, now)
            return True  # the end may wait until nothing is in flight
        self._syncing.finish(action, outcome, now)
        return is_news

    # ---- the output

    def decide(self, facts: NodeFacts, wall: int, now: int) -> Decision:
        """What is to be done, and what is to be told."""
        if self._pending is not None:
            self._state.observe(self._pending, facts.agent_started, wall, now)
            self._pending = self._settled = None
        if facts != self._settled or (self._settled_until is not None and now >= self._settled_until):
            before = self._status  # a new one may be a reason for more
            self._advance(facts, wall, now)
            self._settled = facts if self._status is before and self._termination is None else None
        else:  # most decisions are about the next probe, and about nothing else
            if self._settled_until is not None:
                self._outbox.wake(self._settled_until)
            self._probe(now)
        actions, events, timeout = self._outbox.take()
        is_finished = self._termination is not None and self._termination.progress is Progress.FINISHED
        return Decision(actions, events, self._status, timeout, is_finished)

    # ---- inside

    def _advance(self, facts: NodeFacts, wall: int, now: int) -> None:
        self._look_for_an_end(wall, now)
        if self._state.observed is not None and not self._is_stale:
            if self._termination is not None:
                self._termination.advance(now)
            else:
                self._syncing.advance(now)
        self._settled_until = self._outbox.next_wake
        self._probe(now)
        self._tell_status(facts, wall)
        if self._termination is None and self._has_run_its_course():
            # What is left running are sidecars: they end, and the next status is the final one.
            self._begin_termination(now)
            self._advance(facts, wall, now)

    def _probe(self, now: int) -> None:
        for run in self._state.running():
            run.probes.advance(run.name, now, is_ending=self._termination is not None)

    def _look_for_an_end(self, wall: int, now: int) -> None:
        """Reasons that come from outside."""
        pod = self._state.pod
        if self._ending is None and self._termination is None:
            self._check_active_deadline(wall, now)
        is_over = self._state.is_gone or is_deleted(pod) or self._is_final
        if is_over or self._ending is not None or self._refusal is not None:
            if self._termination is None:
                self._begin_termination(now)
            elif self._termination.progress is Progress.ENDING:
                self._termination.shorten(self._grace_s(), now)

    def _begin_termination(self, now: int) -> None:
        self._termination = Termination(self._state, self._grace_s(), now)

    def _grace_s(self) -> int:
        pod = self._state.pod
        if self._state.is_gone and not is_static(pod):
            return min(FORCED_GRACE_S, grace_s(pod))
        if self._ending is not None and self._ending.grace_s is not None:
            return min(self._ending.grace_s, grace_s(pod))
        return grace_s(pod)

    def _check_active_deadline(self, wall: int, now: int) -> None:
        seconds = spec(self._state.pod).get("activeDeadlineSeconds")
        started = parse_rfc3339(self._status.get("startTime"))
        if not isinstance(seconds, int) or started is None or self._is_final or self._refusal is not None:
            return
        if self._active_until is None:
            self._active_until = now + max(0, started + seconds * SECOND - wall)
        if now >= self._active_until:
            self.end(Ending("DeadlineExceeded", _DEADLINE_MESSAGE, disrupts=False))
        else:
            self._outbox.wake(self._active_until)

    def _has_run_its_course(self) -> bool:
        """Whether all app containers have ended for good, or an init container has failed for good."""
        state = self._state
        policy = restart_policy(state.pod)
        apps = state.wanted(Kind.APP)
        has_failed_init = any(
            run.newest is not None and run.newest.is_ended and run.newest.exit_code != 0
            and not run.is_sidecar and not run.is_restarted(policy)
            for run in state.wanted(Kind.INIT)
        )  # fmt: skip
        are_done = [
            run.newest is not None and run.newest.is_ended and not run.is_restarted(policy) for run in apps
        ]
        return state.observed is not None and (has_failed_init or (bool(apps) and all(are_done)))

    def _tell_status(self, facts: NodeFacts, wall: int) -> None:
        state = self._state
        has_ended = self._termination is not None and self._termination.progress is not Progress.ENDING
        if self._is_final:
            self._note_generation()
        elif self._refusal is not None:
            self._status = refused_status(state.pod, self._status, self._refusal, wall)
            self._is_final = True
        elif state.observed is not None or self._is_new():
            ending = self._ending
            view = PodView(
                state.pod, self._status, state.sandbox,
                [run.view() for kind in Kind for run in state.wanted(kind)],
                has_ended=has_ended,
                reason=ending.reason if ending is not None else "",
                message=ending.message if ending is not None else "",
                is_disrupted=ending is not None and ending.disrupts,
            )  # fmt: skip
            if (view, facts) == self._seen:
                return
            self._status = pod_status(view, facts, wall)
            self._seen = replace(view, old=self._status), facts
            self._is_final = has_ended and is_terminal(self._status["phase"])

    def _is_new(self) -> bool:
        """Never told of by this node."""
        return "containerStatuses" not in self._status and "startTime" not in self._status

    def _note_generation(self) -> None:
        generation = metadata(self._state.pod).get("generation")
        if "observedGeneration" in self._status and isinstance(generation, int):
            self._status = {**self._status, "observedGeneration": generation}
