"""From a container that should run to one that does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.actions import (
    Action,
    CreateContainer,
    HookKind,
    InspectImage,
    RemoveContainer,
    RunHook,
    StartContainer,
    StopContainer,
)
from kubelet.model.container_start import RETRY, ContainerStart
from kubelet.model.observed import ContainerState, ObservedContainer
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Done, Failed, ImageFound, Made, Outcome
from kubelet.model.pod_spec import Kind, spec_hash
from kubelet.model.times import SECOND

POD = {"metadata": {"name": "p", "uid": "u"}}
SPEC: dict[str, Any] = {"name": "llm", "image": "m:1"}
HOOKED: dict[str, Any] = {**SPEC, "lifecycle": {"postStart": {"httpGet": {"port": 1}}}}
CREATED = ObservedContainer("c0", "llm", 0, ContainerState.CREATED, "s0", 1)
EXITED = replace(CREATED, state=ContainerState.EXITED, exit_code=1)


class Start:
    """With an outbox, and the answers that a shell gives."""

    def __init__(self, spec: dict[str, Any] = SPEC, attempts: int = 0) -> None:
        self.outbox = Outbox()
        self.start = ContainerStart(POD, spec, Kind.APP, self.outbox, attempts)

    def step(self, newest: ObservedContainer | None, now: int, ended: int = 0) -> tuple[Action, ...]:
        self.start.advance(newest, "s0", ended, now)
        return self.outbox.take()[0]

    def answer(self, action: Action, outcome: Outcome, now: int) -> None:
        assert self.outbox.finish(action)
        self.start.finish(action, outcome, now, is_given_up=False)

    def create(self, newest: ObservedContainer | None, now: int, ended: int = 0) -> Action:
        (inspect,) = self.step(newest, now, ended)
        assert isinstance(inspect, InspectImage)
        self.answer(inspect, ImageFound("m@1"), now)
        (create,) = self.step(newest, now, ended)
        return create


def test_the_way_to_running() -> None:
    one = Start()
    create = one.create(None, 0)
    assert create == CreateContainer("llm", 0, "s0", "m:1", "m@1", spec_hash(SPEC))
    assert one.step(None, 1) == ()
    one.answer(create, Made("c0"), 1)
    start = StartContainer("llm", "c0")
    assert one.step(CREATED, 2) == (start,)
    one.answer(start, Done(), 3)
    assert [event.reason for event in one.outbox.take()[1]] == ["Started"]
    assert one.start.waiting is None


def test_the_first_restart_is_at_once_and_the_second_after_ten_seconds() -> None:
    one = Start()
    assert isinstance(one.create(EXITED, 0), CreateContainer)
    one = Start()
    one.answer(one.create(EXITED, 0), Made("c1"), 0)
    again = replace(EXITED, id="c1", attempt=1)
    one.start.advance(again, "s0", SECOND, SECOND)
    actions, events, wake = one.outbox.take()
    assert (actions, wake) == ((), 11 * SECOND)
    assert one.start.waiting is not None
    assert one.start.waiting.reason == "CrashLoopBackOff"
    assert one.start.waiting.message == "back-off 10s restarting failed container=llm pod=p_default(u)"
    assert events[-1].message == "Back-off restarting failed container llm in pod p_default(u)"
    create = one.create(again, 11 * SECOND, SECOND)
    assert isinstance(create, CreateContainer)
    assert create.attempt == 2


def test_another_image_is_another_series() -> None:
    one = Start()
    one.answer(one.create(EXITED, 0), Made("c1"), 0)
    one.start.follow({**SPEC, "image": "m:2"})
    (inspect,) = one.step(replace(EXITED, id="c1", attempt=1), SECOND, SECOND)
    assert inspect == InspectImage("llm", "m:2")


def test_counts_go_on_from_what_the_api_server_was_told() -> None:
    create = Start(attempts=5).create(None, 0)
    assert isinstance(create, CreateContainer)
    assert create.attempt == 5


def test_a_failed_create_is_tried_again_later_and_counts_no_restart() -> None:
    one = Start()
    create = one.create(None, 0)
    one.answer(create, Failed('configmap "x" not found', "CreateContainerConfigError"), 0)
    assert one.start.waiting is not None
    assert one.start.waiting.reason == "CreateContainerConfigError"
    assert one.step(None, RETRY - 1) == ()
    assert one.step(None, RETRY) == (create,)


def test_a_failed_start_is_removed_and_counts() -> None:
    one = Start()
    one.answer(one.create(None, 0), Made("c0"), 0)
    (start,) = one.step(CREATED, 0)
    one.answer(start, Failed("no memory"), 0)
    assert one.start.waiting is not None
    assert one.start.waiting.reason == "RunContainerError"
    assert one.step(CREATED, 1) == ()
    (remove,) = one.step(CREATED, RETRY)
    assert remove == RemoveContainer("llm", "c0")
    one.answer(remove, Done(), RETRY)
    (create,) = one.step(None, RETRY)
    assert isinstance(create, CreateContainer)
    assert create.attempt == 1


def test_a_created_container_of_another_sandbox_is_removed() -> None:
    assert Start().step(replace(CREATED, sandbox_id="old"), 0) == (RemoveContainer("llm", "c0"),)


def test_what_may_run_for_all_we_know_is_stopped_first() -> None:
    one, unknown = Start(), replace(CREATED, state=ContainerState.UNKNOWN)
    (stop,) = one.step(unknown, 0)
    assert stop == StopContainer("llm", "c0", 2)
    one.answer(stop, Failed("shim is away"), 0)
    assert one.step(unknown, RETRY) == (stop,)
    one.answer(stop, Done(), RETRY)
    assert isinstance(one.step(unknown, RETRY)[0], InspectImage)


def test_a_post_start_hook_holds_the_start_back() -> None:
    one = Start(HOOKED)
    one.answer(one.create(None, 0), Made("c0"), 0)
    (start,) = one.step(CREATED, 0)
    assert one.start.hook_id == "c0"
    one.answer(start, Done(), 0)
    (hook,) = one.outbox.take()[0]
    assert hook == RunHook("llm", "c0", HookKind.POST_START, 0, {"httpGet": {"port": 1}})
    one.answer(hook, Failed("refused"), 1)
    assert (one.start.hook_id, one.start.failed_hook_id) == ("", "c0")
    assert one.start.waiting is not None
    assert one.start.waiting.reason == "PostStartHookError"
