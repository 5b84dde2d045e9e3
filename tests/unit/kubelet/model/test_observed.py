"""What the runtime says."""

from __future__ import annotations

import pytest

from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox


def container(
    attempt: int, state: ContainerState = ContainerState.RUNNING, name: str = "llm"
) -> ObservedContainer:
    return ObservedContainer(f"c{attempt}", name, attempt, state, "s0", created_ns=attempt)


def test_newest_first_whatever_the_order() -> None:
    pod = ObservedPod(0, containers=(container(1), container(3), container(2), container(9, name="other")))
    assert [one.attempt for one in pod.instances("llm")] == [3, 2, 1]


def test_the_newest_sandbox_is_of_the_highest_attempt() -> None:
    first, second = ObservedSandbox("a", 0, False, 10), ObservedSandbox("b", 1, True, 5)
    assert ObservedPod(0, (second, first)).newest_sandbox == second
    assert ObservedPod(0).newest_sandbox is None


@pytest.mark.parametrize(
    ("state", "running", "ended"),
    [("created", False, False), ("running", True, False), ("exited", False, True), ("unknown", False, True)],
)
def test_states(state: str, running: bool, ended: bool) -> None:
    one = container(0, ContainerState(state))
    assert (one.is_running, one.is_ended) == (running, ended)
