"""What a machine knows."""

from __future__ import annotations

from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.pod_spec import Kind
from kubelet.model.pod_state import PodState

POD = {
    "metadata": {"name": "p", "uid": "u"},
    "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "b"}, {"name": "a"}]},
}


def test_containers_in_the_order_of_the_spec() -> None:
    state = PodState(POD)
    assert list(state.runs) == ["i", "b", "a"]
    assert [run.name for run in state.wanted(Kind.APP)] == ["b", "a"]
    assert state.sandbox is None


def test_what_only_the_runtime_knows_is_unwanted() -> None:
    state = PodState(POD)
    stranger = ObservedContainer("x", "x", 0, ContainerState.RUNNING, "s0", 1)
    sandbox = ObservedSandbox("s0", 0, True, 1)
    state.observe(ObservedPod(0, (sandbox,), (stranger,)), 0, 0, 0)
    assert [run.name for run in state.unwanted()] == ["x"]
    assert [run.name for run in state.running()] == ["x"]
    assert [run.name for run in state.wanted(Kind.APP)] == ["b", "a"]
    assert state.sandbox == sandbox


def test_another_spec() -> None:
    state = PodState(POD)
    state.follow({**POD, "spec": {"containers": [{"name": "a", "image": "m:2"}]}})
    assert state.runs["a"].spec["image"] == "m:2"
