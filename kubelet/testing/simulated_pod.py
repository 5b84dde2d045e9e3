"""One pod between a simulated API server and a simulated runtime, driven as a shell drives it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from kubelet.model.actions import Action, DeletePodObject, TearDownVolumes
from kubelet.model.conditions import OWNED
from kubelet.model.decision import Decision, Ending, NodeFacts, PodEvent, Refusal
from kubelet.model.outcomes import Done, Failed, Outcome
from kubelet.model.pod_machine import PodMachine
from kubelet.model.pod_spec import Object, objects, sequence, status
from kubelet.model.pod_status import OWN_FIELDS
from kubelet.model.times import SECOND, rfc3339
from kubelet.testing.simulated_runtime import CALL, SimulatedRuntime
from kubelet.testing.virtual_time import VirtualTime
from kubelet.testing.world import World

StatusSeen = Callable[["SimulatedPod", Mapping[str, Any]], None]
EventSeen = Callable[["SimulatedPod", PodEvent], None]


def merged_status(pod: Object, own: Object) -> dict[str, Any]:
    """The whole status as an API server has it: others' fields and conditions stay."""
    there = status(pod)
    others = [dict(one) for one in objects(there.get("conditions")) if one.get("type") not in OWNED]
    rest = {key: value for key, value in there.items() if key not in OWN_FIELDS}
    return {**rest, **own, "conditions": [*sequence(own.get("conditions")), *others]}


class SimulatedPod:
    """The object on the API server, the agent's machine, the runtime's records."""

    def __init__(
        self, pod: Mapping[str, Any], world: World, time: VirtualTime,
        seen: StatusSeen, heard: EventSeen, address: str = "10.244.7.2", refusal: Refusal | None = None,
        lag: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        """`lag`: how long what the runtime says is on its way, each time."""
        self.api: dict[str, Any] | None = copy.deepcopy(dict(pod))
        self.time = time
        self.runtime = SimulatedRuntime(world, time, self._on_change, address)
        self.machine: PodMachine | None = None
        self.is_agent_up = False
        self.is_api_up = True
        self.is_finished = False
        self._seen = seen
        self._heard = heard
        self._refusal = refusal
        self._lag = lag
        self._written: Mapping[str, Any] | None = None
        self._started = 0
        self._timer = 0

    # ---- the user's side

    def delete(self, grace_s: int) -> None:
        """A DELETE; grace 0 removes the object at once."""
        if self.api is None:
            return
        if grace_s == 0:
            self._remove_object()
            return
        metadata = self.api["metadata"]
        grace_s = min(grace_s, metadata.get("deletionGracePeriodSeconds", grace_s))
        metadata["deletionTimestamp"] = rfc3339(self.time.wall + grace_s * SECOND)
        metadata["deletionGracePeriodSeconds"] = grace_s
        self.update()

    def update(self) -> None:
        """The object was changed; the agent's watch tells it."""
        if self.machine is not None and self.api is not None and self.is_api_up:
            self.machine.desire(copy.deepcopy(self.api))
            self.decide()

    def end(self, ending: Ending) -> None:
        """An eviction, say."""
        if self.machine is not None:
            self.machine.end(ending)
            self.decide()

    # ---- the agent's side

    def start_agent(self) -> None:
        """A new machine, which knows what the API server and the runtime know."""
        self.is_agent_up = True
        self._started = self.time.now
        self._written = None
        records = self.runtime.observe()
        if self.api is None and not (records.sandboxes or records.containers):
            self.is_finished = True
            return
        pod = self.api if self.api is not None else {"metadata": {"uid": "gone", "name": "gone"}}
        self.machine = PodMachine(copy.deepcopy(pod))
        if self.api is None:
            self.machine.forget()
        elif self._refusal is not None:
            self.machine.refuse(self._refusal)
        self.decide()
        self._on_change()

    def kill_agent(self) -> None:
        """kill -9: what was in flight goes on in the runtime, and nobody hears of its end."""
        self.is_agent_up = False
        self.machine = None

    def part_from_api(self, is_up: bool) -> None:
        """The API server goes away, or comes back."""
        self.is_api_up = is_up
        if is_up and self.machine is not None:
            if self.api is None:
                self.machine.forget()
            self.update()
            self.decide()

    def decide(self) -> None:
        """As a shell does: write the status, record events, begin actions, arm one timer."""
        if self.machine is None:
            return
        facts = NodeFacts("mac-1", ("192.0.2.2",), "runm", self._started)
        decision = self.machine.decide(facts, self.time.wall, self.time.now)
        self._write(decision)
        for event in decision.events:
            self._heard(self, event)
        for action in decision.actions:
            self._perform(action)
        if decision.is_finished:
            self.is_finished = True
            self.machine = None
            return
        self._arm(decision.next_timeout)

    # ---- inside

    def _write(self, decision: Decision) -> None:
        if self.api is None or not self.is_api_up or decision.status == self._written:
            return
        self._written = decision.status
        self.api["status"] = merged_status(self.api, decision.status)
        self._seen(self, decision.status)

    def _perform(self, action: Action) -> None:
        machine = self.machine

        def answer(outcome: Outcome) -> None:
            if self.machine is machine and machine is not None:
                if machine.finish(action, outcome, self.time.now):
                    self.decide()
                self._on_change()

        if isinstance(action, DeletePodObject):
            self.time.at(self.time.now + CALL, lambda: self._delete_object(answer))
        elif isinstance(action, TearDownVolumes):
            self.time.at(self.time.now + CALL, lambda: answer(Done()))
        else:
            self.runtime.perform(action, answer)

    def _delete_object(self, answer: Callable[[Outcome], None]) -> None:
        if not self.is_api_up:
            answer(Failed("connection refused"))
            return
        answer(Done())
        if self.machine is not None:
            self._remove_object()

    def _remove_object(self) -> None:
        self.api = None
        if self.machine is not None and self.is_api_up:
            self.machine.forget()
            self.decide()

    def _on_change(self) -> None:
        machine, observed = self.machine, self.runtime.observe()

        def tell() -> None:
            if self.machine is machine and machine is not None:
                machine.observe(observed)
                self.decide()

        lag = self._lag()
        if lag:
            self.time.at(self.time.now + lag, tell)
        else:
            tell()

    def _arm(self, timeout: int | None) -> None:
        self._timer += 1
        number = self._timer
        if timeout is not None:
            due = max(timeout, self.time.now + 1)
            self.time.at(due, lambda: self.decide() if number == self._timer else None)
