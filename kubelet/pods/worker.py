"""One pod: its machine is fed and asked, its actions run side by side, and nothing of two looks is mixed."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from bronzewillow.host.tasks import spawn
from kubelet.model.actions import CHANGES_RUNTIME, Action, Cancel
from kubelet.model.decision import Ending, NodeFacts, PodEvent, Refusal
from kubelet.model.observed import ObservedPod
from kubelet.model.outcomes import Failed, Outcome
from kubelet.model.pod_machine import PodMachine
from kubelet.model.pod_spec import Object, full_name, is_terminal, uid
from kubelet.model.times import SECOND
from kubelet.provider.errors import RuntimeRefusal

_OBSERVE_AGAIN_S = 1.0
_CANCELLED = Failed("canceled")
_log = logging.getLogger(__name__)


class Surroundings(Protocol):
    """What a worker needs of its node."""

    def now(self) -> int:
        """The Instant."""

    def wall(self) -> int:
        """Microseconds since 1970."""

    def facts(self) -> NodeFacts:
        """What the node is now."""

    async def observe(self, pod_uid: str) -> ObservedPod:
        """What the runtime shows of a pod. RuntimeRefusal."""

    async def execute(self, pod: Object, action: Action, observed: ObservedPod | None) -> Outcome:
        """Carry out an action, whatever happens."""

    def tell_status(self, pod: Object, status: Object) -> None:
        """Have a status written."""

    def tell_event(self, pod: Object, event: PodEvent) -> None:
        """Have an event recorded."""

    def count_eviction(self, signal: str) -> None:
        """A pod gives way."""

    def count_sync(self, seconds: float, *, is_first: bool) -> None:
        """A pod was looked at, and it was decided what is to be done."""

    def on_finished(self, pod_uid: str) -> None:
        """Nothing is left of it."""


class PodWorker:
    """One UID's. Inputs may come at any time; decisions are made one after another."""

    def __init__(self, pod: Object, surroundings: Surroundings) -> None:
        self.uid = uid(pod)
        self.machine = PodMachine(pod)
        self.observed: ObservedPod | None = None
        """What was seen last."""
        self.status: Object = {}
        """What was decided last."""
        self.ended = asyncio.Event()
        """Set when it has told of a final phase, or nothing is left of it."""
        self._around = surroundings
        self._must_observe = True
        self._wake = asyncio.Event()
        self._running: dict[Action, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def pod(self) -> Object:
        """The API object, or the static one."""
        return self.machine.pod

    @property
    def is_reclaimed(self) -> bool:
        """Whether it has given back what it held of the machine: nothing runs, and its volumes are gone."""
        return self.machine.is_reclaimed

    def start(self) -> None:
        """Begin to work; called once."""
        self._task = spawn(self._run(), name=f"pod {full_name(self.pod)}")

    def desire(self, pod: Object) -> None:
        """The API object has changed."""
        self.machine.desire(pod)
        self._wake.set()

    def forget(self) -> None:
        """The API object is gone."""
        self.machine.forget()
        self._wake.set()

    def refuse(self, refusal: Refusal) -> None:
        """Admission refused the pod."""
        self.machine.refuse(refusal)
        self._wake.set()

    def end(self, ending: Ending) -> None:
        """The node ends it."""
        if self.machine.end(ending) and ending.signal:
            self._around.count_eviction(ending.signal)
        self._wake.set()

    def look(self) -> None:
        """The runtime may have changed."""
        self._must_observe = True
        self._wake.set()

    def leave(self) -> None:
        """The kubelet ends; what runs in the runtime goes on."""
        for task in (self._task, *self._running.values()):
            if task is not None:
                task.cancel()

    async def _run(self) -> None:
        try:
            while not await self._turn():
                pass
        finally:
            for task in self._running.values():
                task.cancel()
        self.ended.set()
        self._around.on_finished(self.uid)

    async def _turn(self) -> bool:
        """One look and one decision; whether it was the last one."""
        around = self._around
        self._wake.clear()
        began, must_look, is_first = around.now(), self._must_observe, self.observed is None
        is_blind = must_look and not await self._look()
        decision = self.machine.decide(around.facts(), around.wall(), around.now())
        if must_look and not is_blind:
            around.count_sync((around.now() - began) / SECOND, is_first=is_first)
        for event in decision.events:
            around.tell_event(self.pod, event)
        if decision.status and decision.status is not self.status:
            self.status = decision.status
            around.tell_status(self.pod, decision.status)
        if is_terminal(decision.status.get("phase")):
            self.ended.set()
        for action in decision.actions:
            self._begin(action)
        if decision.is_finished:
            return True
        limits = [_OBSERVE_AGAIN_S] if is_blind else []
        if decision.next_timeout is not None:
            limits.append(max(0.0, (decision.next_timeout - around.now()) / 1e6))
        await self._rest(min(limits, default=None))
        return False

    async def _rest(self, limit_s: float | None) -> None:
        """Until there is news, or it is time. A timer that ends the wait as news do costs least."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(limit_s, self._wake.set) if limit_s is not None else None
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _look(self) -> bool:
        self._must_observe = False  # what changes from here on is for the next look
        try:
            observed = await self._around.observe(self.uid)
        except RuntimeRefusal as refused:
            _log.debug("pod %s cannot be seen: %s", self.uid, refused)
            self._must_observe = True
            return False
        self.observed = observed
        self.machine.observe(observed)
        return True

    def _begin(self, action: Action) -> None:
        if isinstance(action, Cancel):
            running = self._running.get(action.action)
            if running is not None:
                running.cancel()
            return
        self._running[action] = spawn(
            self._carry_out(action), name=f"{type(action).__name__} of pod {self.uid}"
        )

    async def _carry_out(self, action: Action) -> None:
        outcome: Outcome = _CANCELLED
        try:
            outcome = await self._around.execute(self.pod, action, self.observed)
        except asyncio.CancelledError:
            if self._task is None or self._task.done() or self._task.cancelling():
                raise  # the kubelet ends
        except Exception as error:
            _log.exception("pod %s: %s", self.uid, type(action).__name__)
            outcome = Failed(f"internal error: {error}")
        self._running.pop(action, None)
        if isinstance(action, CHANGES_RUNTIME):
            self._must_observe = True
        if self.machine.finish(action, outcome, self._around.now()):
            self._wake.set()
