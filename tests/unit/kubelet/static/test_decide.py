from __future__ import annotations

from dataclasses import replace

from kubelet.static.backoff import NS_PER_S
from kubelet.static.decide import (
    Decision,
    EndPod,
    RemoveContainer,
    RunPod,
    StartContainer,
    Waiting,
    container_key,
    decide,
)
from kubelet.static.manifest import Container, Pod
from kubelet.static.observed import ObservedContainer, ObservedPod, State

LLM = Container("llm", "tiny", "IfNotPresent", (), (), (), (), 0, ())
POD = Pod("default", "tiny-mac", "u1", (), (), "Always", 30, (LLM,), "tiny.yaml")
NOW = 1000 * NS_PER_S


def sandbox(
    *containers: ObservedContainer, uid: str = "u1", ready: bool = True, attempt: int = 0
) -> ObservedPod:
    return ObservedPod(f"s-{uid}-{attempt}", POD.full_name, uid, "tiny.yaml", attempt, ready, 30, containers)


def container(
    state: State, attempt: int = 0, *, step: int = 0, code: int = 1, ended_s: int = 999, ran_s: int = 5
) -> ObservedContainer:
    finished = ended_s * NS_PER_S if state is State.EXITED else 0
    return ObservedContainer(
        f"c{attempt}", "llm", attempt, step, state, code,
        started_ns=finished - ran_s * NS_PER_S, finished_ns=finished,
    )  # fmt: skip


def decided(
    pod: Pod | None, *observed: ObservedPod, alone: bool = False, again: dict[str, int] | None = None
) -> Decision:
    return decide(pod, lambda _: alone, observed, lambda key: (again or {}).get(key, 0), NOW)


def test_a_new_pod_is_made_then_its_containers_start() -> None:
    assert decided(POD) == Decision((RunPod(POD, 0),))
    made = sandbox()
    assert decided(POD, made) == Decision((StartContainer(POD, made, LLM, 0, 0),))
    assert decided(POD, sandbox(container(State.RUNNING))) == Decision()


def test_what_failed_waits() -> None:
    assert decided(POD, again={"u1": NOW + 5}) == Decision(next_ns=NOW + 5)
    assert decided(POD, sandbox(), again={container_key(POD, LLM): NOW + 5}) == Decision(next_ns=NOW + 5)
    assert decided(POD, again={"u1": NOW}) == Decision((RunPod(POD, 0),))


def test_a_pod_that_vanishes_from_the_folder_ends() -> None:
    one = sandbox(container(State.RUNNING))
    assert decided(None, one) == Decision((EndPod(one),))
    assert decided(None) == Decision()


def test_a_pod_whose_manifest_cannot_be_read_goes_on() -> None:
    assert decided(None, sandbox(), alone=True) == Decision()


def test_a_changed_pod_ends_before_the_new_one_is_made() -> None:
    old = sandbox(container(State.RUNNING), uid="u0")
    assert decided(POD, old) == Decision((EndPod(old),))
    # both, as after two runners
    new = sandbox(container(State.RUNNING))
    assert decided(POD, old, new) == Decision((EndPod(old),))


def test_a_sandbox_that_is_not_ready_is_made_anew() -> None:
    dead = sandbox(container(State.EXITED), ready=False)
    assert decided(POD, dead) == Decision((EndPod(dead),))


def test_a_finished_pod_stays_finished() -> None:
    once = replace(POD, restart_policy="Never")
    assert decided(once, sandbox(container(State.EXITED))) == Decision()
    assert decided(once, sandbox(container(State.EXITED), ready=False)) == Decision()
    on_failure = replace(POD, restart_policy="OnFailure")
    assert decided(on_failure, sandbox(container(State.EXITED, code=0))) == Decision()
    (start,) = decided(on_failure, sandbox(container(State.EXITED, code=1))).actions
    assert isinstance(start, StartContainer)
    half = sandbox(ready=False)
    assert decided(once, half) == Decision((EndPod(half),))


def test_the_first_restart_is_at_once_and_the_next_wait() -> None:
    first = container(State.EXITED)
    made = sandbox(first)
    assert decided(POD, made) == Decision((StartContainer(POD, made, LLM, 1, 1),), (Waiting(first, 0),))
    second = container(State.EXITED, 1, step=1)
    wait = 10 * NS_PER_S
    assert decided(POD, sandbox(first, second)) == Decision(
        (), (Waiting(second, wait),), second.finished_ns + wait
    )
    past = container(State.EXITED, 1, step=1, ended_s=990)
    made = sandbox(first, past)
    assert decided(POD, made).actions == (StartContainer(POD, made, LLM, 2, 2),)


def test_a_container_that_ran_long_starts_at_once_again() -> None:
    made = sandbox(container(State.EXITED, 7, step=7, ran_s=700))
    assert decided(POD, made).actions == (StartContainer(POD, made, LLM, 8, 1),)


def test_an_end_in_the_future_is_an_end_now() -> None:
    made = sandbox(container(State.EXITED, 1, step=1, ended_s=99_999))
    assert decided(POD, made).next_ns == NOW + 10 * NS_PER_S


def test_one_that_was_created_and_not_started_is_started() -> None:
    made = sandbox(container(State.CREATED, 3, step=2))
    assert decided(POD, made) == Decision((StartContainer(POD, made, LLM, 3, 2, "c3"),))


def test_only_the_last_end_is_kept() -> None:
    ends = [container(State.EXITED, number) for number in range(3)]
    made = sandbox(*ends, container(State.RUNNING, 3))
    assert decided(POD, made).actions == (RemoveContainer(ends[0]), RemoveContainer(ends[1]))


def test_containers_do_not_wait_for_one_another() -> None:
    other = replace(LLM, name="other", ports=(9000,))
    two = replace(POD, containers=(LLM, other))
    made = sandbox(container(State.EXITED, 2, step=4))
    found = decided(two, made)
    assert found.actions == (StartContainer(two, made, other, 0, 0),)
    assert found.next_ns == 999 * NS_PER_S + 80 * NS_PER_S
