"""On the way to running."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.actions import (
    Action,
    CreateSandbox,
    RemoveContainer,
    RemoveSandbox,
    SetUpVolumes,
    StopSandbox,
)
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.outcomes import Done, Failed, Made, Outcome
from kubelet.model.pod_state import PodState
from kubelet.model.syncing import SANDBOX_RETRY, Syncing
from kubelet.model.times import SECOND

POD: dict[str, Any] = {
    "metadata": {"name": "p", "uid": "u"},
    "spec": {"containers": [{"name": "a", "image": "m:1"}]},
}
SANDBOX = ObservedSandbox("s0", 0, True, 1, ("10.0.0.9",))
RUNNING = ObservedContainer("c0", "a", 0, ContainerState.RUNNING, "s0", 1, started_ns=1)
EXITED = replace(RUNNING, state=ContainerState.EXITED)


class Sync:
    """A pod without a machine around it."""

    def __init__(self) -> None:
        self.state = PodState(POD)
        self.syncing = Syncing(self.state)

    def step(self, now: int, *seen: ObservedSandbox | ObservedContainer) -> tuple[Action, ...]:
        sandboxes = tuple(one for one in seen if isinstance(one, ObservedSandbox))
        containers = tuple(one for one in seen if isinstance(one, ObservedContainer))
        self.state.observe(ObservedPod(now, sandboxes, containers), 0, 0, now)
        self.syncing.advance(now)
        return self.state.outbox.take()[0]

    def answer(self, action: Action, outcome: Outcome, now: int) -> None:
        assert self.state.outbox.finish(action)
        self.syncing.finish(action, outcome, now)

    def volumes(self) -> None:
        self.step(0)
        self.answer(SetUpVolumes(), Done(), 0)


def test_volumes_then_the_sandbox() -> None:
    one = Sync()
    assert one.step(0) == (SetUpVolumes(),)
    assert one.step(1) == ()
    one.answer(SetUpVolumes(), Done(), 1)
    assert one.step(1) == (CreateSandbox(0),)


def test_volumes_are_tried_again_ever_later() -> None:
    one = Sync()
    now = 0
    for wait in (SECOND // 2, SECOND, 2 * SECOND):
        assert one.step(now) == (SetUpVolumes(),)
        one.answer(SetUpVolumes(), Failed("no secret"), now)
        assert one.step(now + wait - 1) == ()
        now += wait


def test_volumes_are_followed_also_where_the_pod_runs_already() -> None:
    assert Sync().step(0, SANDBOX, RUNNING) == (SetUpVolumes(),)


def test_a_sandbox_that_cannot_be_made() -> None:
    one = Sync()
    one.volumes()
    assert one.step(0) == (CreateSandbox(0),)
    one.answer(CreateSandbox(0), Failed("no address"), 0)
    assert one.step(SANDBOX_RETRY - 1) == ()
    assert one.step(SANDBOX_RETRY) == (CreateSandbox(0),)
    one.answer(CreateSandbox(0), Made("s0"), 1)


def test_a_lost_sandbox_is_stopped_before_another_is_made() -> None:
    one = Sync()
    one.volumes()
    lost = replace(SANDBOX, is_ready=False)
    assert one.step(0, lost, EXITED) == (StopSandbox("s0"),)
    one.answer(StopSandbox("s0"), Done(), 0)
    assert one.step(1, lost, EXITED) == (CreateSandbox(1),)


def test_old_records_are_removed() -> None:
    one = Sync()
    one.volumes()
    new, old = replace(SANDBOX, id="s1", attempt=1), replace(SANDBOX, is_ready=False)
    second = replace(RUNNING, id="c2", attempt=2, sandbox_id="s1")
    first = replace(EXITED, id="c1", attempt=1, sandbox_id="s1")
    assert one.step(0, new, old, second, first, EXITED) == (RemoveContainer("a", "c0"),)
    one.answer(RemoveContainer("a", "c0"), Done(), 0)
    assert one.step(1, new, old, second, first) == (RemoveSandbox("s0"),)


def test_a_removal_that_fails_is_not_tried_again_at_once() -> None:
    one = Sync()
    one.volumes()
    new, old = replace(SANDBOX, id="s1", attempt=1), replace(SANDBOX, is_ready=False)
    run = replace(RUNNING, id="c1", attempt=1, sandbox_id="s1")
    assert one.step(0, new, old, run) == (RemoveSandbox("s0"),)
    one.answer(RemoveSandbox("s0"), Failed("busy"), 0)
    assert one.step(1, new, old, run) == ()
