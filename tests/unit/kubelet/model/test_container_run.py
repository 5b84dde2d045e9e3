"""One container of a pod."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubelet.model.container_run import ContainerRun
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod
from kubelet.model.outbox import Outbox
from kubelet.model.pod_spec import Kind, RestartPolicy
from kubelet.model.times import SECOND

POD = {"metadata": {"name": "p", "uid": "u"}}
WALL = 1000 * SECOND
CREATED = ObservedContainer("c0", "llm", 0, ContainerState.CREATED, "s0", 1)
RUNNING = replace(CREATED, state=ContainerState.RUNNING, started_ns=WALL * 1000)
EXITED = replace(RUNNING, state=ContainerState.EXITED, finished_ns=(WALL + 5 * SECOND) * 1000)


def run(kind: Kind = Kind.APP, told: dict[str, Any] | None = None, **spec: Any) -> ContainerRun:
    return ContainerRun(POD, {"name": "llm", "image": "m:1", **spec}, kind, Outbox(), told or {})


def observe(one: ContainerRun, *instances: ObservedContainer, wall: int = WALL, now: int = 0) -> None:
    one.observe(ObservedPod(now, containers=instances), 0, wall, now)


@pytest.mark.parametrize(
    ("policy", "code", "app", "init"),
    [
        ("Always", 0, True, False),
        ("Always", 1, True, True),
        ("OnFailure", 0, False, False),
        ("OnFailure", 1, True, True),
        ("Never", 0, False, False),
        ("Never", 1, False, False),
    ],
)
def test_restarts(policy: str, code: int, app: bool, init: bool) -> None:
    for kind, expected in ((Kind.APP, app), (Kind.INIT, init)):
        one = run(kind)
        observe(one, replace(EXITED, exit_code=code))
        assert one.is_restarted(RestartPolicy(policy)) is expected


def test_a_sidecar_and_a_containers_own_policy() -> None:
    sidecar, own = run(Kind.INIT, restartPolicy="Always"), run(restartPolicy="Never")
    observe(sidecar, EXITED)
    observe(own, EXITED)
    assert sidecar.is_restarted(RestartPolicy.NEVER)
    assert not own.is_restarted(RestartPolicy.ALWAYS)


def test_a_jump_of_the_wall_clock_moves_no_date() -> None:
    one = run()
    observe(one, RUNNING, wall=WALL, now=50 * SECOND)
    observe(one, EXITED, wall=WALL + 3600 * SECOND, now=55 * SECOND)
    assert one.ended == 50 * SECOND  # not an hour ago: it was seen running
    observe(one, EXITED, wall=WALL - 3600 * SECOND, now=60 * SECOND)
    assert one.ended == 50 * SECOND


def test_an_end_of_before_the_agent_has_its_time() -> None:
    one = run()
    observe(one, EXITED, wall=WALL + 25 * SECOND, now=100 * SECOND)
    assert one.ended == 80 * SECOND


def test_reasons_to_replace() -> None:
    one = run()
    assert one.reason_to_replace(is_restarted=True) == ""
    observe(one, replace(RUNNING, spec_hash="other"))
    assert one.reason_to_replace(is_restarted=True) == "Container llm definition changed, will be restarted"
    observe(one, RUNNING)
    assert one.reason_to_replace(is_restarted=True) == ""
    one.start.failed_hook_id = "c0"
    assert one.reason_to_replace(is_restarted=True) == "FailedPostStartHook"


def test_the_view_hides_what_is_being_made() -> None:
    one = run()
    observe(one, replace(CREATED, id="c1", attempt=1), EXITED)
    assert (one.view().current, one.view().last) == (EXITED, None)
    again = replace(RUNNING, id="c1", attempt=1)
    observe(one, again, EXITED)
    assert (one.view().current, one.view().last) == (again, EXITED)
    one.start.hook_id = "c1"
    assert one.view().current == EXITED
    assert not one.has_started


def test_all_but_the_last_that_have_ended_are_superfluous() -> None:
    one = run()
    older = replace(EXITED, id="c1", attempt=1)
    observe(one, replace(RUNNING, id="c2", attempt=2), older, EXITED)
    assert one.superfluous() == [EXITED]


@pytest.mark.parametrize(
    ("told", "attempt"),
    [({}, 0), ({"restartCount": 3, "containerID": "runm://x"}, 4), ({"restartCount": 0}, 0)],
)
def test_how_many_there_have_been(told: dict[str, Any], attempt: int) -> None:
    assert run(told=told).start._attempts == attempt
