"""The end of a pod."""

from __future__ import annotations

from typing import Any

from kubelet.model.actions import (
    Action,
    DeletePodObject,
    RemoveContainer,
    RemoveSandbox,
    StopContainer,
    StopSandbox,
    TearDownVolumes,
)
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.outcomes import Done, Failed, Outcome
from kubelet.model.pod_state import PodState
from kubelet.model.termination import RETRY, Progress, Termination

POD: dict[str, Any] = {
    "metadata": {"name": "p", "uid": "u", "deletionTimestamp": "2025-01-01T00:00:00Z"},
    "spec": {
        "initContainers": [
            {"name": "x", "restartPolicy": "Always"},
            {"name": "y", "restartPolicy": "Always"},
        ],
        "containers": [{"name": "a"}, {"name": "b"}],
    },
}
READY = ObservedSandbox("s0", 0, True, 1)
STOPPED = ObservedSandbox("s0", 0, False, 1)


class End:
    """A pod that ends, without a machine around it."""

    def __init__(self, grace_s: int = 30) -> None:
        self.state = PodState(POD)
        self.end = Termination(self.state, grace_s, 0)

    def step(
        self, now: int, sandbox: ObservedSandbox | None, running: str = "", exited: str = ""
    ) -> tuple[Action, ...]:
        containers = [
            ObservedContainer(f"{name}0", name, 0, state, "s0", 1)
            for names, state in ((running, ContainerState.RUNNING), (exited, ContainerState.EXITED))
            for name in names
        ]
        sandboxes = (sandbox,) if sandbox is not None else ()
        self.state.observe(ObservedPod(now, sandboxes, tuple(containers)), 0, 0, now)
        self.end.advance(now)
        return self.state.outbox.take()[0]

    def answer(self, action: Action, outcome: Outcome, now: int = 0) -> None:
        assert self.state.outbox.finish(action)
        for run in self.state.runs.values():
            if run.name == getattr(action, "container", None):
                run.finish(action, outcome, now, is_given_up=True)
        self.end.finish(action, outcome, now)


def test_apps_side_by_side_then_sidecars_in_reverse() -> None:
    one = End()
    assert one.step(0, READY, "xyab") == (StopContainer("a", "a0", 30), StopContainer("b", "b0", 30))
    assert one.step(10**6, READY, "xyb", "a") == ()
    assert one.step(10 * 10**6, READY, "xy", "ab") == (StopContainer("y", "y0", 20),)
    assert one.step(29 * 10**6, READY, "x", "yab") == (StopContainer("x", "x0", 2),)


def test_sandbox_volumes_object_records() -> None:
    one = End()
    assert one.step(0, READY, exited="a") == (StopSandbox("s0"),)
    one.answer(StopSandbox("s0"), Done())
    assert one.step(0, STOPPED, exited="a") == (TearDownVolumes(),)
    assert one.end.progress.value == "ended"
    one.answer(TearDownVolumes(), Done())
    assert one.step(0, STOPPED, exited="a") == (DeletePodObject(),)
    one.answer(DeletePodObject(), Done())
    assert one.step(0, STOPPED, exited="a") == ()
    one.state.is_gone = True
    assert one.step(0, STOPPED, exited="a") == (RemoveContainer("a", "a0"),)
    one.answer(RemoveContainer("a", "a0"), Done())
    assert one.step(0, STOPPED) == (RemoveSandbox("s0"),)
    one.answer(RemoveSandbox("s0"), Done())
    assert one.step(0, None) == ()
    assert one.end.progress is Progress.FINISHED


def test_what_fails_is_tried_again_later() -> None:
    one = End()
    assert one.step(0, READY) == (StopSandbox("s0"),)
    one.answer(StopSandbox("s0"), Failed("shim is away"))
    assert one.step(RETRY - 1, READY) == ()
    assert one.step(RETRY, READY) == (StopSandbox("s0"),)


def test_a_sandbox_that_is_not_ready_is_stopped_once_too() -> None:
    one = End()
    assert one.step(0, STOPPED) == (StopSandbox("s0"),)
    one.answer(StopSandbox("s0"), Done())
    assert one.step(0, STOPPED) == (TearDownVolumes(),)


def test_the_grace_only_becomes_shorter() -> None:
    one = End()
    one.end.shorten(50, 0)
    assert one.end.deadline == 30 * 10**6
    one.end.shorten(5, 10**6)
    assert one.end.deadline == 6 * 10**6
