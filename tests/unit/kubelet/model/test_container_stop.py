"""Ending a container."""

from __future__ import annotations

from typing import Any

from kubelet.model.actions import Action, Cancel, HookKind, RunHook, StopContainer
from kubelet.model.container_stop import RETRY, ContainerStop
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Done, Failed
from kubelet.model.pod_spec import Kind
from kubelet.model.times import SECOND

PLAIN: dict[str, Any] = {"name": "llm"}
SLEEP = {"sleep": {"seconds": 5}}
HOOKED: dict[str, Any] = {**PLAIN, "lifecycle": {"preStop": SLEEP}}


class Stop:
    """With an outbox."""

    def __init__(self, spec: dict[str, Any] = PLAIN) -> None:
        self.outbox = Outbox()
        self.spec = spec
        self.stop = ContainerStop(spec, Kind.APP, self.outbox)

    def step(self, deadline_s: int, now: int) -> tuple[Action, ...]:
        self.stop.advance(self.spec, "c0", "Stopping container llm", deadline_s * SECOND, now)
        return self.outbox.take()[0]


def test_stop_with_what_is_left_of_the_grace_once() -> None:
    one = Stop()
    assert one.step(30, 5 * SECOND) == (StopContainer("llm", "c0", 25),)
    assert one.step(30, 6 * SECOND) == ()


def test_less_grace_asks_again() -> None:
    one = Stop()
    one.step(30, 0)
    assert one.step(5, SECOND) == (StopContainer("llm", "c0", 4),)
    assert one.step(50, SECOND) == ()


def test_never_less_than_two_seconds() -> None:
    assert Stop().step(0, 9 * SECOND) == (StopContainer("llm", "c0", 2),)


def test_the_hook_comes_first_and_counts() -> None:
    one = Stop(HOOKED)
    hook = RunHook("llm", "c0", HookKind.PRE_STOP, 30, SLEEP)
    assert one.step(30, 0) == (hook,)
    assert one.step(30, SECOND) == ()
    one.outbox.finish(hook)
    one.stop.finish(hook, Done(), 5 * SECOND)
    assert one.step(30, 5 * SECOND) == (StopContainer("llm", "c0", 25),)


def test_a_hook_is_given_up_at_the_deadline_and_told_when_it_fails() -> None:
    one = Stop(HOOKED)
    (hook,) = one.step(10, 0)
    cancel, stop = one.step(10, 10 * SECOND)
    assert (cancel, stop) == (Cancel(hook), StopContainer("llm", "c0", 2))  # type: ignore[arg-type]
    one.stop.finish(hook, Failed("context canceled"), 10 * SECOND)
    assert [event.reason for event in one.outbox.take()[1]] == ["FailedPreStopHook"]


def test_no_hook_where_there_is_no_time() -> None:
    assert Stop(HOOKED).step(2, 0) == (StopContainer("llm", "c0", 2),)


def test_a_hook_of_what_has_ended_is_given_up() -> None:
    one = Stop(HOOKED)
    (hook,) = one.step(10, 0)
    one.stop.drop()
    assert one.outbox.take()[0] == (Cancel(hook),)  # type: ignore[arg-type]


def test_what_runs_on_is_stopped_again_later() -> None:
    one = Stop()
    (stop,) = one.step(30, 0)
    one.outbox.finish(stop)
    one.stop.finish(stop, Failed("shim is away"), SECOND)
    assert one.step(30, SECOND + RETRY - 1) == ()
    assert one.step(30, SECOND + RETRY) == (StopContainer("llm", "c0", 27),)


def test_it_is_told_once() -> None:
    one = Stop()
    one.stop.advance(PLAIN, "c0", "Stopping container llm", SECOND, 0)
    one.stop.advance(PLAIN, "c0", "Stopping container llm", SECOND, 1)
    assert [event.message for event in one.outbox.take()[1]] == ["Stopping container llm"]
